"""Modes and owners of files, as `find -printf '%m %u:%g %y %p\\n'` prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

FORM = "%m %u:%g %y %p\\n"
_ROW = re.compile(r"([0-7]{1,4}) (\S+:\S+) ([a-zA-Z?]) (/.*)")


@dataclass(frozen=True, slots=True)
class FileMode:
    """One file: `mode` as a number, `owner` as `root:root`, `kind` f for a file, d for a folder, l for a link."""

    path: str
    mode: int
    owner: str
    kind: str

    def allows_more_than(self, mode: int) -> bool:
        """True when somebody may do what the mode does not give."""
        return bool(self.mode & ~mode)

    def __str__(self) -> str:
        return f"{self.path} {self.mode:o} {self.owner}"


def parse(text: str) -> tuple[FileMode, ...]:
    """The listing; none for an empty text."""
    found = []
    for line in lines("find", text):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable("find", line)
        found.append(FileMode(row[4], int(row[1], 8), row[2], row[3]))
    return tuple(found)
