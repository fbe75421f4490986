"""/proc/mounts: what is mounted now. Reading it never waits for a server, as `stat` and `df` do."""

from __future__ import annotations

from dataclasses import dataclass

from dlws.parse.text import lines, unescaped, unparsable

SOURCE = "/proc/mounts"
NFS = ("nfs", "nfs4", "fuse.nfs")
"""The kernel's client, and one in user space: that shows `server:path` as its source too."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """One mount, fields as in fstab(5)."""

    source: str
    point: str
    kind: str
    options: tuple[str, ...]


def parse(text: str) -> tuple[Mounted, ...]:
    """All mounts, in the kernel's order. There is always one, so an empty text is Unparsable."""
    found = []
    for line in lines(SOURCE, text):
        fields = [unescaped(field) for field in line.split(" ")]
        if len(fields) != 6 or not fields[1].startswith("/") or not (fields[4] + fields[5]).isdigit():
            raise unparsable(SOURCE, line)
        found.append(Mounted(fields[0], fields[1], fields[2], tuple(fields[3].split(","))))
    if not found:
        raise unparsable(SOURCE, why="no output")
    return tuple(found)
