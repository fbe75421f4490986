"""`df -PB1`: space on the file systems (check S01, S03)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cluster.parse.text import lines_from, unparsable

SOURCE = "df -PB1"
# "Filesystem 1-blocks Used ...", or in zh_CN "文件系统 1的块 ..." (coreutils 9.1), "文件系统 1-块 ..." (8.28).
_HEADER = re.compile(r"^\S+\s+1B?(?:-blocks|[的-]?块)\s")
_ROW = re.compile(r"(\S.*?)\s+([0-9]{1,19})\s+([0-9]{1,19})\s+(-?[0-9]{1,19})\s+([0-9]{1,3}%|-)\s+(/.*)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Sizes in bytes. `available` is what an ordinary user may still write: less than size minus used."""

    source: str
    size: int
    used: int
    available: int
    mountpoint: str


def parse(text: str) -> tuple[FileSystem, ...]:
    """One row for each path asked, or for each mount. Raises Unparsable for a header without rows."""
    found = []
    for line in lines_from(SOURCE, text, _HEADER)[1:]:
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(SOURCE, line)
        found.append(FileSystem(row[1], int(row[2]), int(row[3]), int(row[4]), row[6]))
    if not found:
        raise unparsable(SOURCE, why="no file system")
    return tuple(found)
