"""/proc/mdstat: software RAID."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, unparsable

SOURCE = "/proc/mdstat"
_PERSONALITIES = re.compile(r"^Personalities :")
_ARRAY = re.compile(r"(\S+) : (active|inactive)\b.*")
_MEMBERS = re.compile(r".*\[([0-9]{1,4})/([0-9]{1,4})\] \[([U_]+)\].*")


@dataclass(frozen=True, slots=True)
class Array:
    """One array. `members` shows a U for each disk that works and a _ for each that does not; empty for RAID 0."""

    name: str
    is_active: bool
    members: str

    @property
    def is_whole(self) -> bool:
        """True when it runs with all of its disks."""
        return self.is_active and "_" not in self.members


def parse(text: str) -> tuple[Array, ...]:
    """All arrays; a kernel with the md module and no array prints two lines without any."""
    found: list[Array] = []
    for line in lines_from(SOURCE, text, _PERSONALITIES)[1:]:
        if row := _ARRAY.fullmatch(line):
            found.append(Array(row[1], row[2] == "active", ""))
        elif row := _MEMBERS.fullmatch(line):
            if not found or found[-1].members or len(row[3]) != int(row[1]):
                raise unparsable(SOURCE, line)
            found[-1] = Array(found[-1].name, found[-1].is_active, row[3])
        elif not re.match(r"\s|unused devices:", line):
            raise unparsable(SOURCE, line)
    return tuple(found)
