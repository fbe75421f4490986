"""Where shares must not lie: folders of the system, and each other's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, shown
from dlws.config.rules import machines

VOLATILE: Final = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/tmp")
"""File systems in memory or of the kernel, and folders that a boot or systemd-tmpfiles empties."""
SYSTEM: Final = (
    *("/bin", "/boot", "/etc", "/lib", "/lib64", "/root", "/sbin", "/usr"),
    *("/var/lib/docker", "/var/lib/etcd", "/var/lib/kubelet", "/var/log"),
)


def places_of_shares(document: Document) -> Iterator[Finding]:
    """No share is made or mounted where the system keeps its own, or over the folder that it serves itself."""
    names = {machine.name for machine in machines(document)}
    for name, share in document.mapping("mountpoints").items():
        if not isinstance(share, dict):
            continue
        export, point = (str(share.get(key, "")) for key in ("filesharename", "curphysicalmountpoint"))
        path: KeyPath = ("mountpoints", name)
        for key, place, taken in (
            ("filesharename", export, VOLATILE),
            ("curphysicalmountpoint", point, (*VOLATILE, *SYSTEM)),
        ):
            if within := next((folder for folder in taken if _is_below(place, folder)), None):
                message = f"{shown(place)} is in {within}, which belongs to the system"
                yield document.at_value((*path, key), message, "choose a folder on a disk, such as /mnt/local")
        own = str(share.get("server")) in names and export and point
        if own and (_is_below(point, export) or _is_below(export, point)):
            message = f"{shown(point)} and the served folder {shown(export)} lie in each other"
            yield document.at_value((*path, "curphysicalmountpoint"), message, "mount it elsewhere, such as /mntdlws")


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")
