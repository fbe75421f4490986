"""Modes and owners of files, as `find -printf '%m %u:%g %y %p\\n'` prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

FORM = "%m %u:%g %y %p\\n"
_ROW = re.compile(r"([0-7]{1,4}) (\S+:\S+) ([a-zA-Z?]) (/.*)")


@dataclass(frozen=True, slots=True)
class FileMode:
    """One file. `mode` is a number, `owner` like `root:root`, `kind` f (file), d (directory) or l (link)."""

    path: str
    mode: int
    owner: str
    kind: str

    def allows_more_than(self, mode: int) -> bool:
        """True if the file has permission bits that `mode` does not have."""
        return bool(self.mode & ~mode)

    def __str__(self) -> str:
        return f"{self.path} {self.mode:o} {self.owner}"


def parse(text: str) -> tuple[FileMode, ...]:
    """The files of the listing."""
    files = []
    for line in lines("find", text):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable("find", line)
        files.append(FileMode(row[4], int(row[1], 8), row[2], row[3]))
    return tuple(files)
