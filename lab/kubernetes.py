"""Kubernetes 1.20.2 and the lab's own small parts of it, built from the distribution's source package `kubernetes`.

Kept in the cache folder by a hash of the recipe. The first build takes ten to twenty minutes of two cores.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from lab import apt, debs, mirror
from lab.image import digest, folder_parts
from lab.plan import LAB, cache
from lab.process import LabError, environment, run, say
from lab.record import lock

VERSION = "1.20.2"
COMMANDS = (
    "kubeadm",
    "kubelet",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
)
OWN = LAB / "go"
"""The lab's own commands, one folder each, built in the same tree with its vendored libraries."""
REFLECT2 = "golang-github-modern-go-reflect2-dev"
"""The tree's own copy of this library crashes when built with Go >= 1.18; the distribution's does not."""
TOOLS = {"go": "golang-go", "gcc": "gcc", "make": "make", "rsync": "rsync", "dpkg-source": "dpkg-dev", "patch": "patch"}
GCC_NEEDS = Path("/usr/include/stdio.h")
PATIENCE = 90 * 60.0


def own_commands() -> list[str]:
    """Names of the lab's own commands."""
    return sorted(path.name for path in OWN.iterdir() if path.is_dir())


def tag() -> str:
    """The hash that names the result: this recipe, the sources of the lab's own parts, the distribution."""
    return digest(Path(__file__).read_bytes(), mirror.codename().encode(), *folder_parts(OWN))


def binaries() -> Path:
    """The folder of the built commands, there or not."""
    return cache() / "kubernetes" / tag()


def ensure() -> Path:
    """Build unless it is built; return the folder that holds COMMANDS, the lab's own commands, and `pause`."""
    folder = binaries()
    if not folder.is_dir():
        with lock("kubernetes", PATIENCE):
            if not folder.is_dir():  # another command may have built it meanwhile
                _install_tools()
                _build(folder)
        keep_newest(folder.parent)
    return folder


def keep_newest(folder: Path, count: int = 3) -> None:
    """Remove all but the newest results of `folder`; some, because branches of this project may differ in recipe."""
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[count:]:
        shutil.rmtree(old)


def _install_tools() -> None:
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool, path="/usr/bin:/bin")}
    if not GCC_NEEDS.exists():
        missing.add("libc6-dev")
    apt.install(missing, "to build Kubernetes")


def _build(target: Path) -> None:
    work = cache() / "build" / "kubernetes"
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    say(f"building Kubernetes {VERSION} from source: ten to twenty minutes, once; the log is {_log()}")
    deb_src = [f"deb-src {one.uri} {one.suite} {' '.join(one.components)}" for one in mirror.read_sources()]
    tree = debs.source(work, "kubernetes", deb_src)
    if VERSION not in tree.name:
        raise LabError(f"the distribution's source package is {tree.name}, the lab needs Kubernetes {VERSION}")
    _repair(tree, work)
    for name in own_commands():
        shutil.copytree(OWN / name, tree / "cmd" / name)
    _make(tree, [f"cmd/{name}" for name in (*COMMANDS, *own_commands())], work)
    built = work / "bin"
    built.mkdir()
    for name in (*COMMANDS, *own_commands()):
        shutil.copy(tree / "_output" / "bin" / name, built / name)
    _pause(tree, built / "pause")
    reported = run(str(built / "kubeadm"), "version", "-o", "short").strip()
    if reported != f"v{VERSION}":
        raise LabError(f"the kubeadm that was built says {reported!r}, not v{VERSION}")
    target.parent.mkdir(parents=True, exist_ok=True)
    built.rename(target)
    shutil.rmtree(work)


def _repair(tree: Path, work: Path) -> None:
    vendored = tree / "vendor" / "github.com" / "modern-go" / "reflect2"
    repaired = debs.extract(work / "reflect2", REFLECT2) / "usr/share/gocode/src/github.com/modern-go/reflect2"
    shutil.rmtree(vendored)
    shutil.copytree(repaired, vendored)


def _make(tree: Path, targets: list[str], work: Path) -> None:
    """`make`, as the package's debian/rules calls it: plain `go build` leaves out the version and the OpenAPI file."""
    link = tree / ".go" / "src" / "k8s.io" / "kubernetes"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../..")
    settings = environment({"CGO_ENABLED": "0", "HOME": str(work / "home"), "GOPATH": str(tree / ".go")})
    settings["PATH"] = "/usr/lib/go/bin:" + settings["PATH"]
    for name in ("GOFLAGS", "GOROOT", "GOBIN", "MAKEFLAGS"):
        settings.pop(name, None)
    (work / "home").mkdir()
    _log().parent.mkdir(parents=True, exist_ok=True)
    argv = ["nice", "-n", "19", "make", f"WHAT={' '.join(targets)}"]
    with _log().open("wb") as log:
        make = subprocess.Popen(
            argv, cwd=tree, env=settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _watch(make, tree)
        finally:
            if make.poll() is None:
                subprocess.run(["kill", "--", f"-{make.pid}"], check=False)
                make.wait()
    if make.returncode != 0:
        words = "\n  ".join(_log().read_text(errors="replace").splitlines()[-5:])
        raise LabError(f"Kubernetes was not built (exit status {make.returncode}), see {_log()}:\n  {words}")


def _watch(make: subprocess.Popen[bytes], tree: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            make.wait(30)
            return
        except subprocess.TimeoutExpired:
            minutes = (time.monotonic() - began) / 60
            if minutes * 60 > PATIENCE:
                raise LabError(f"Kubernetes was not built in {PATIENCE / 60:.0f} minutes, see {_log()}") from None
            done = [name for name in COMMANDS if list(tree.glob(f"_output/local/bin/*/*/{name}"))]
            say(f"building Kubernetes: {minutes:.1f} min" + (f", done: {' '.join(done)}" if done else ", compiling"))


def _pause(tree: Path, target: Path) -> None:
    source = tree / "build" / "pause" / "linux" / "pause.c"
    run("gcc", "-Os", "-Wall", "-static", "-DVERSION=v3.2-lab", "-o", str(target), str(source))
    run("strip", str(target))


def _log() -> Path:
    return cache() / "log" / "kubernetes-build.log"
