"""/proc/mounts: the current mounts. Unlike `stat` and `df`, reading it never waits for a server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dlws.parse.text import lines, unescaped, unparsable

SOURCE = "/proc/mounts"
NFS = ("nfs", "nfs4", "fuse.nfs")
"""The kernel's clients and one in user space, which also has `server:path` as its source."""

REMEMBERED: Final = 8
"""Tables: several checks of a host ask for its own one after another, and a node has a mount for each of its pods."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """One mount, fields as in fstab(5)."""

    source: str
    point: str
    kind: str
    options: tuple[str, ...]


@lru_cache(REMEMBERED)
def parse(text: str) -> tuple[Mounted, ...]:
    """All mounts, in the kernel's order. Raises Unparsable for empty output, as there is always one."""
    table = []
    for line in lines(SOURCE, text):
        fields = [unescaped(field) for field in line.split(" ")]
        if len(fields) != 6 or not fields[1].startswith("/") or not (fields[4] + fields[5]).isdigit():
            raise unparsable(SOURCE, line)
        table.append(Mounted(fields[0], fields[1], fields[2], tuple(fields[3].split(","))))
    if not table:
        raise unparsable(SOURCE, why="no output")
    return tuple(table)
