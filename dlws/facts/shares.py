"""Mounted shares and the links to them. Nothing here touches a share itself: a dead one does not answer."""

from __future__ import annotations

import shlex

from dlws.remote.host import Host
from dlws.remote.modules import MountPoint
from dlws.verdict import Unknown

LIST_LINKS = r"test ! -d {0} || find {0} -mindepth 1 -maxdepth 1 \( {1} \) -printf '%y\t%f\t%l\n'"


def mounts_of(host: Host) -> dict[str, MountPoint]:
    """All mounts of a host by their mount points, in one look."""
    return {mount.path: mount for mount in host.mount_point.get_mountpoints()}


def links_in(host: Host, place: str, names: list[str]) -> dict[str, str]:
    """What those names are in a folder: `-> /mntdlws/work` for a link, else `a folder`, `a file`. Follows no link."""
    pattern = " -o ".join(f"-name {shlex.quote(name)}" for name in names)
    rows = [line.split("\t") for line in host.lines(LIST_LINKS.format(shlex.quote(place), pattern))]
    if any(len(row) != 3 for row in rows):
        raise Unknown(f"{host.name}: {place}: listing not understood")
    kinds = {"d": "a local folder", "f": "a file"}
    return {name: f"-> {to}" if kind == "l" else kinds.get(kind, f"of type {kind}") for kind, name, to in rows}
