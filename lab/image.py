"""The hosts' image: Debian by debootstrap, the stand-ins of rootfs/common on it. Kept by a hash of its recipe."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path

from lab import capabilities, mirror
from lab.daemon import docker
from lab.plan import DOCKER_SOCKET, LAB, cache
from lab.process import PATH, attempt, run, say

# fmt: off
PACKAGES = (
    "systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "sudo", "iproute2", "iputils-ping", "procps",
    "psmisc", "kmod", "python3", "curl", "lsb-release", "ufw", "iptables", "ca-certificates", "netbase", "less", "cron",
    "logrotate", "e2fsprogs",
)
# fmt: on
COMMON = LAB / "rootfs" / "common"
DOCKERFILE = LAB / "rootfs" / "Dockerfile"


def digest(*parts: bytes) -> str:
    """Twelve hexadecimal digits that name a recipe."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:12]


def folder_parts(folder: Path) -> list[bytes]:
    """Names, modes and contents of the files below `folder`, in order: what a hash of it is made of."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [f"{path.relative_to(folder)} {path.stat().st_mode & 0o111}".encode() + path.read_bytes() for path in files]


def base_tag() -> str:
    """The base image's name, by distribution release and package list."""
    return f"dlws-lab/base:{digest(mirror.codename().encode(), *(name.encode() for name in PACKAGES))}"


def host_tag() -> str:
    """The host image's name, by base image and all that the hosts are made of, first-boot files included."""
    wrapped = b"wrapped" if capabilities.missing() else b"plain"
    makers = [(LAB / name).read_bytes() for name in ("devices.py", "first_boot.py", "hosts.py", "plan.py")]
    return f"dlws-lab/host:{digest(base_tag().encode(), wrapped, *makers, *folder_parts(LAB / 'rootfs'))}"


def ensure() -> str:
    """Build the base and the host image unless they are there already; return the host image's name."""
    if not _exists(base_tag()):
        _build_base()
    if not _exists(host_tag()):
        _build_host()
    return host_tag()


def remove_others() -> None:
    """Remove host images of older recipes, once no host is made from them."""
    tags = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "dlws-lab/host").split()
    for tag in tags:
        if tag != host_tag():
            attempt("docker", "--host", f"unix://{DOCKER_SOCKET}", "image", "rm", tag)  # a test's host may still use it


def _exists(tag: str) -> bool:
    return attempt("docker", "--host", f"unix://{DOCKER_SOCKET}", "image", "inspect", tag).returncode == 0


def _build_base() -> None:
    source = mirror.read_sources()[0]
    say(f"building the base image: debootstrap of {source.suite} (some two minutes)")
    with tempfile.TemporaryDirectory(dir=_build_folder()) as folder:
        root, archive = Path(folder) / "root", Path(folder) / "root.tar"
        address = mirror.through_cache(source.uri)
        wanted = f"--include={','.join(PACKAGES)}"
        components = f"--components={','.join(source.components)}"
        run("debootstrap", "--variant=minbase", wanted, components, source.suite, str(root), address, timeout=900)
        shutil.rmtree(root / "var/cache/apt/archives")
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        run("tar", "-C", str(root), "-cf", str(archive), ".", timeout=300)
        docker("import", str(archive), base_tag(), timeout=300)


def _build_host() -> None:
    say("building the host image")
    with tempfile.TemporaryDirectory(dir=_build_folder()) as folder:
        context = Path(folder)
        shutil.copytree(COMMON, context / "common", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(DOCKERFILE, context / "Dockerfile")
        wrapped = f"WRAPPED={'yes' if capabilities.missing() else 'no'}"
        arguments = ("--build-arg", f"BASE={base_tag()}", "--build-arg", wrapped)
        docker("build", "--network", "none", *arguments, "--tag", host_tag(), str(context), timeout=300)


def ensure_probe(archive: Path) -> None:
    """Write `archive`, if it is missing, as `docker save` does: dlws/cuda, a busybox that knows NVIDIA's runtime."""
    if archive.exists():
        return
    busybox = Path(shutil.which("busybox", path=PATH) or "/bin/busybox")
    applets = run(str(busybox), "--list-full").split()
    tag = "dlws/cuda:latest"
    with tempfile.TemporaryDirectory(dir=_build_folder()) as folder:
        root = Path(folder) / "root.tar"
        with tarfile.open(root, "w") as tar:
            tar.add(busybox, "bin/busybox")
            for applet in applets:
                link = tarfile.TarInfo(applet)
                link.type, link.linkname = tarfile.SYMTYPE, "/bin/busybox"
                if applet != "bin/busybox":
                    tar.addfile(link)
        # What nvidia/cuda images set, and the NVIDIA runtime obeys.
        changes = ("ENV NVIDIA_VISIBLE_DEVICES=all", "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility", 'CMD ["sh"]')
        options = [word for change in changes for word in ("--change", change)]
        docker("import", *options, str(root), tag)
    archive.parent.mkdir(parents=True, exist_ok=True)
    docker("save", "--output", str(archive), tag)
    archive.chmod(0o644)
    docker("image", "rm", tag)


def _build_folder() -> Path:
    folder = cache() / "build"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
    folder.mkdir(parents=True)
    return folder
