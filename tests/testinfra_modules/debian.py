"""The Debian host that upstream's tests expect: their own Dockerfile on a debootstrapped base, in the lab's docker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlws.inventory import Arch, Device, Node, Origin, Role
from lab import daemon, hosts, mirror, record
from lab.daemon import docker
from lab.image import digest
from lab.plan import BRIDGE, DOCKER_SOCKET, LabHost
from lab.process import LabError, attempt, run, say, wait_for

RELEASE = "bookworm"  # the tests name its versions
IMAGE = "testinfra-modules/debian"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
HEAD = """FROM {base}
COPY ca-certificates.crt /srv/trusted.crt
ENV PIP_CERT=/srv/trusted.crt
RUN apt-get update && apt-get install -y --no-install-recommends gcc python3-dev
"""
"""Instead of `FROM debian:bookworm`. Certificates: as the machine trusts. The compiler: salt has no wheel any more."""
TAIL = """
RUN mkdir -p /srv/index/requests && echo '<a href="requests-2.99.0-py3-none-any.whl">r</a>' \
    > /srv/index/requests/index.html && printf '[global]\\nindex-url = file:///srv/index\\n' > /etc/pip.conf
"""
"""A package index in a folder, for `pip list --outdated`: a lab host reaches no other."""


def ensure_image(dockerfile: Path) -> None:
    """Build the image from upstream's Dockerfile unless it is there. Raises LabError."""
    recipe = dockerfile.read_text()
    if not recipe.count(f"FROM debian:{RELEASE}\n") == 1:
        raise LabError(f"{dockerfile} does not start from debian:{RELEASE} any more")
    with record.lock():
        daemon.start()
        base = _ensure_base()
        recipe = recipe.replace(f"FROM debian:{RELEASE}\n", HEAD.format(base=base)) + TAIL
        tag = f"{IMAGE}:{digest(recipe.encode())}"
        if not _exists(tag):
            say("building the image of upstream's Dockerfile (some two minutes)")
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "Dockerfile").write_text(recipe)
                shutil.copy(CERTIFICATES, folder)
                docker("build", "--network", "host", "--tag", tag, folder, timeout=1800)
        docker("tag", tag, f"{IMAGE}:latest")


def _ensure_base() -> str:
    sources = [source for source in mirror.read_sources() if source.suite == RELEASE]
    if not sources:
        raise LabError(f"this machine's apt has no Debian {RELEASE}, which upstream's tests want")
    tag = f"{IMAGE}-base:{RELEASE}"
    if not _exists(tag):
        say(f"debootstrap of {RELEASE} (some two minutes)")
        with tempfile.TemporaryDirectory() as folder:
            root, archive = Path(folder) / "root", Path(folder) / "root.tar"
            address = mirror.through_cache(sources[0].uri)
            run("debootstrap", "--variant=minbase", RELEASE, str(root), address, timeout=900)
            run("tar", "-C", str(root), "-cf", str(archive), ".", timeout=300)
            docker("import", str(archive), tag, timeout=300)
    return tag


def _exists(tag: str) -> bool:
    return attempt("docker", "--host", f"unix://{DOCKER_SOCKET}", "image", "inspect", tag).returncode == 0


@contextmanager
def booted(name: str, address: str) -> Iterator[Node]:
    """A host of the image, up and answering; gone afterwards."""
    host = LabHost(name, address, "x86_64", "cpu", "", "debian")
    hosts.remove(host)
    network = ["--network", BRIDGE, "--ip", address]
    folders = ["--tmpfs", "/run:exec,mode=755", "--tmpfs", "/tmp:exec,mode=1777"]
    docker("run", "--detach", "--name", host.container, "--privileged", *network, *folders, f"{IMAGE}:latest")
    try:
        wait_for(f"sshd on {name}", lambda: hosts.ssh_answers(host), 60)
        yield Node(name, address, "lab", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
    finally:
        hosts.remove(host)
