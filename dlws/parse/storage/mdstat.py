"""/proc/mdstat: software RAID."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dlws.parse.text import lines_from, unparsable

SOURCE = "/proc/mdstat"
_PERSONALITIES = re.compile("Personalities :")
_ARRAY = re.compile(r"(\S+) : (active|inactive|broken)\b.*")
_FAILED = re.compile(r" (\S+)\[[0-9]+\](?:\([A-Z]\))*?\(F\)")
"""A disk that the kernel marked as faulty: of RAID 0, and where a spare has taken its place, nothing else says so."""
_CONTAINER = re.compile(r"\s.* super external:(?!/).*")
"""The metadata of firmware RAID (imsm, ddf): its container is always inactive, with all disks as spares (md(4))."""
_MEMBERS = re.compile(r".*\[([0-9]{1,4})/([0-9]{1,4})\] \[([U_]+)\].*")


@dataclass(frozen=True, slots=True)
class Array:
    """One array. `members` has a U for each working disk and a _ for each failed or missing one; empty for RAID 0."""

    name: str
    is_active: bool
    members: str
    failed: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True if it is active with all of its disks, and none is marked as faulty."""
        return self.is_active and "_" not in self.members and not self.failed


def parse(text: str) -> tuple[Array, ...]:
    """All arrays, without the containers of firmware RAID. Without an array there are just the first and last line.

    `broken`: a RAID 0 or linear array that has lost a disk (Linux 5.4 on).
    """
    arrays: list[Array] = []
    for line in lines_from(SOURCE, text, _PERSONALITIES)[1:]:
        if row := _ARRAY.fullmatch(line):
            arrays.append(Array(row[1], row[2] == "active", "", tuple(_FAILED.findall(line))))
        elif row := _MEMBERS.fullmatch(line):
            if not arrays or arrays[-1].members or len(row[3]) != int(row[1]):
                raise unparsable(SOURCE, line)
            arrays[-1] = replace(arrays[-1], members=row[3])
        elif _CONTAINER.fullmatch(line) and arrays and not arrays[-1].is_active:
            arrays.pop()
        elif not re.match(r"\s|unused devices:", line):
            raise unparsable(SOURCE, line)
    return tuple(arrays)
