"""NFS for kernels without it: packages with the usual names, based on nfs-ganesha and FUSE.

If the kernel has NFS, the distribution's packages are used and nothing is built here.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from lab import debs
from lab.packages import Package
from lab.process import PATH, attempt, run

CLIENT_NEEDS = "python3, python3-fusepy, libfuse2, libnfs13, fuse | fuse3"


def kernel_has_nfs() -> bool:
    """Whether the kernel can serve and mount NFS; its modules are loaded if necessary."""
    supported = Path("/proc/filesystems")
    for module in ("nfs", "nfsd"):
        if f"\t{module}\n" not in supported.read_text() and shutil.which("modprobe", path=PATH):
            attempt("modprobe", "-q", module)
    return all(f"\t{module}\n" in supported.read_text() for module in ("nfs", "nfsd"))


def packages() -> list[Package]:
    """nfs-common and nfs-kernel-server, with versions above the distribution's; empty if the kernel has NFS."""
    if kernel_has_nfs():
        return []
    version = f"{_candidate('nfs-common')}+lab1"
    return [
        Package("nfs-common", version, partial(_client, version)),
        Package("nfs-kernel-server", version, partial(_server, version)),
    ]


def _candidate(package: str) -> str:
    lines = run("apt-cache", "show", "--no-all-versions", package).splitlines()
    return next(line.removeprefix("Version: ") for line in lines if line.startswith("Version: "))


def _client(version: str, folder: Path) -> None:
    """The distribution's package with mount.nfs replaced."""
    original = debs.unpack(folder.with_name("nfs-common-original"), "nfs-common")
    shutil.copytree(folder, original, dirs_exist_ok=True, symlinks=True)
    control = original / "DEBIAN" / "control"
    lines = []
    for line in control.read_text().splitlines():
        if line.startswith("Version: "):
            line = f"Version: {version}"
        elif line.startswith("Depends: "):
            line += f", {CLIENT_NEEDS}"
        lines.append(line)
    control.write_text("\n".join(lines) + "\n")
    (original / "DEBIAN" / "md5sums").unlink(missing_ok=True)
    shutil.rmtree(folder)
    original.rename(folder)


def _server(version: str, folder: Path) -> None:
    control = folder / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("@VERSION@", version))
