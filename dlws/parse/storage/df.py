"""`df -PB1` and `df -Pi`: space and inodes on the file systems."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, unparsable

SOURCE = "df -PB1"
# "Filesystem 1-blocks Used ...", or in zh_CN "文件系统 1的块 ..." (coreutils 9.1), "文件系统 1-块 ..." (8.28).
_HEADER = re.compile(r"^\S+\s+1B?(?:-blocks|[的-]?块)\s")
_INODES_HEADER = re.compile(r"^\S+\s+(?:Inodes|Inode)\s")
_ROW = re.compile(r"(\S.*?)\s+([0-9]{1,19})\s+([0-9]{1,19})\s+(-?[0-9]{1,19})\s+([0-9]{1,3}%|-)\s+(/.*)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Sizes in bytes (or inodes). `available` is what an ordinary user may still write: less than size minus used."""

    source: str
    size: int
    used: int
    available: int
    mountpoint: str

    @property
    def free(self) -> float:
        """The part that may still be written, 0 to 1; 0 of an empty one."""
        return self.available / self.size if self.size else 0.0


def parse(text: str) -> tuple[FileSystem, ...]:
    """One row for each path asked, or for each mount. Raises Unparsable for a header without rows."""
    return _rows(SOURCE, text, _HEADER)


def inodes(text: str) -> tuple[FileSystem, ...]:
    """`df -Pi`: the same, in inodes; a file system that makes them as it needs them has size 0."""
    return _rows("df -Pi", text, _INODES_HEADER)


def _rows(source: str, text: str, header: re.Pattern[str]) -> tuple[FileSystem, ...]:
    found = []
    for line in lines_from(source, text, header)[1:]:
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        found.append(FileSystem(row[1], int(row[2]), int(row[3]), int(row[4]), row[6]))
    if not found:
        raise unparsable(source, why="no file system")
    return tuple(found)
