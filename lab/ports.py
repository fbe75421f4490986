"""The packages of the lab's arm64 hosts, as an apt repository of their own: what ubuntu-ports is for Ubuntu.

The hosts are arm64 in name; their dpkg and all that they run are amd64. So the same packages are here once more, marked
as fit for every architecture: apt takes them into a closure for arm64, and dpkg on the hosts installs them.
"""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bundle.content.debs import Apt, Deb, deb_of
from dlws.config.cluster import Cluster
from dlws.content import wanted
from dlws.inventory import Arch
from lab import packages
from lab.plan import cache
from lab.process import say

MAGIC, HEADER = b"!<arch>\n", 60
SAME = re.compile(r"^Multi-Arch: same\n", re.M)
"""Not allowed of a package for all architectures."""
DOCKER, STAND_IN = "docker.io", "dlws-lab-arm64"


def ensure(cluster: Cluster, lines: Sequence[str]) -> None:
    """Have the closure of what the arm64 hosts need in the repository; `lines` are the sources of it as amd64."""
    packages.ensure([packages.Package(STAND_IN)])
    apt = Apt(cache() / "build" / "ports", Arch.AMD64)
    apt.update(lines)
    debs = {deb for names in _sets(cluster) for deb in apt.closure(names)}
    if {file_name(deb) for deb in debs} == {path.name for path in repository().glob("*.deb")}:
        return
    say(f"packing {len(debs)} packages for the hosts that are arm64 in name")
    repository().mkdir(parents=True, exist_ok=True)
    for old in repository().glob("*.deb"):
        old.unlink()
    for path in apt.download(sorted(debs)):
        for_all(path, repository() / file_name(deb_of(path.name)))
    packages.write_index(repository())
    shutil.rmtree(apt.root)


def file_name(deb: Deb) -> str:
    """The name of a package here, without an epoch."""
    return f"{deb.name}_{deb.version.rpartition(':')[2]}_all.deb"


def repository() -> Path:
    """The folder of the repository."""
    return cache() / "ports"


def _sets(cluster: Cluster) -> Iterator[list[str]]:
    """What apt installs together on each arm64 host; with Docker comes the stand-in for its architecture."""
    items = [item for item in wanted.packages(cluster) if item.arch is Arch.ARM64]
    for host in {host for item in items for host in item.hosts}:
        yield [STAND_IN, *sorted({item.name for item in items if host in item.hosts})]


def for_all(package: Path, target: Path) -> None:
    """Write a package once more, marked as fit for every architecture; Docker's then also brings its stand-in."""
    with package.open("rb") as source, target.open("wb") as new:
        new.write(source.read(len(MAGIC)))
        while header := source.read(HEADER):
            name, size = header[:16].strip().decode(), int(header[48:58])
            if name.startswith("control.tar"):
                data = _control(source.read(size), plain="tar" if name == "control.tar" else name.rpartition(".")[2])
                new.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data)
                new.write(b"\n" * (len(data) % 2))
                source.read(size % 2)
            else:
                new.write(header)
                _copy(source, new, size + size % 2)


def _copy(source: io.BufferedReader, target: io.BufferedWriter, size: int) -> None:
    while size and (piece := source.read(min(size, 1 << 20))):
        target.write(piece)
        size -= len(piece)


def _control(data: bytes, plain: str) -> bytes:
    """control.tar in its compression, with another control file."""
    out = io.BytesIO()
    mode = {"tar": "w", "gz": "w:gz", "xz": "w:xz"}[plain]
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode=mode) as new:  # type: ignore[call-overload]
        for member in old:
            content = old.extractfile(member) if member.isfile() else None
            if content is not None and member.name.removeprefix("./") == "control":
                text = control(content.read().decode()).encode()
                member.size, content = len(text), io.BytesIO(text)
            new.addfile(member, content)
    return out.getvalue()


def control(text: str) -> str:
    """The paragraph of a package, for every architecture."""
    text = re.sub(r"^Architecture: .*$", "Architecture: all", SAME.sub("", text), flags=re.M)
    if f"Package: {DOCKER}\n" in text:
        text = re.sub(r"^Depends: ", f"Depends: {STAND_IN}, ", text, flags=re.M)
    return text
