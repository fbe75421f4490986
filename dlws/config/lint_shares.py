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
HOMES: Final = "/home"
"""Where the admin user's keys are, by which hosts are reached."""
LINKS: Final = "/dlwsdata"
"""The default of `storage-mount-path`, the folder of the links to the shares."""


def places_of_shares(document: Document) -> Iterator[Finding]:
    """No share is made or mounted where the system keeps its own, or over the folder that it serves itself."""
    domain = document.get("network", "domain")
    own = {
        name
        for machine in machines(document)
        for name in (machine.name, f"{machine.name}.{domain}", machine.text("private-ip"))
    }
    for name, share in document.mapping("mountpoints").items():
        if not isinstance(share, dict):
            continue
        export, point = (str(share.get(key, "")) for key in ("filesharename", "curphysicalmountpoint"))
        path: KeyPath = ("mountpoints", name)
        for key, place in (("filesharename", export), ("curphysicalmountpoint", point)):
            if within := next((folder for folder in (*VOLATILE, *SYSTEM) if _is_below(place, folder)), None):
                message = f"{shown(place)} is in {within}, which belongs to the system"
                yield document.at_value((*path, key), message, "choose a folder on a disk, such as /mnt/local")
        if hidden := next(
            (folder for folder in (*SYSTEM, *VOLATILE, HOMES) if point and _is_below(folder, point)), None
        ):
            message = f"a file system on {shown(point)} hides {hidden}"
            if hidden != point or point == HOMES:  # else it is said already
                yield document.at_value((*path, "curphysicalmountpoint"), message, "mount it on a folder of its own")
        if (links := str(document.get("storage-mount-path") or LINKS)) and point and _is_below(links, point):
            message = f"the links in {links} would lie on the share itself"
            yield document.at_value(
                (*path, "curphysicalmountpoint"), message, "mount it beside them, such as on /mntdlws"
            )
        if str(share.get("server")) in own and export and _is_below(HOMES, export):
            message = f"{shown(export)} holds the admin user's keys: whoever may mount it may log in as root"
            yield document.at_value((*path, "filesharename"), message, "serve a folder of its own, such as /mnt/local")
        if (
            str(share.get("server")) in own
            and export
            and point
            and (_is_below(point, export) or _is_below(export, point))
        ):
            message = f"{shown(point)} and the served folder {shown(export)} lie in each other"
            fix = "let neither be in the other, such as /mnt/local and /mntdlws"
            yield document.at_value((*path, "curphysicalmountpoint"), message, fix)


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")
