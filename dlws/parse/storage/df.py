"""`df -PB1` and `df -Pi`: space and inodes of file systems."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, unparsable

SOURCE = "df -PB1"
# "Filesystem 1-blocks Used ...", or in zh_CN "文件系统 1的块 ..." (coreutils 9.1), "文件系统 1-块 ..." (8.28).
_HEADER = re.compile(r"\S+\s+1B?(?:-blocks|[的-]?块)\s")
_INODES_HEADER = re.compile(r"\S+\s+(?:Inodes|Inode)\s")
_UNCOUNTED = re.compile(r"(?<=\S)(?:[ \t]+-){4}[ \t]+/")
_ROW = re.compile(r"(\S.*?)\s+([0-9]{1,20})\s+([0-9]{1,20})\s+(-?[0-9]{1,20})\s+([0-9]{1,3}%|-)\s+(/.*)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Sizes in bytes (or inodes). `available` excludes what is reserved for root, so it is below `size - used`."""

    source: str
    size: int
    used: int
    available: int
    mountpoint: str

    @property
    def free(self) -> float:
        """The available share of the whole size, 0 to 1, as the kubelet counts; 0 if the size is 0."""
        return self.available / self.size if self.size else 0.0

    @property
    def usable(self) -> float:
        """The available share of what users can have, 0 to 1: df's own Capacity, where a reserve is not in the sum."""
        users = self.used + self.available
        return self.available / users if users > 0 else 0.0


def parse(text: str) -> tuple[FileSystem, ...]:
    """`df -PB1 [PATH...]`: one entry per path or mount. Raises Unparsable for a header without rows."""
    return _rows(SOURCE, text, _HEADER)


def inodes(text: str) -> tuple[FileSystem, ...]:
    """`df -Pi`: the same in inodes; a file system that allocates inodes dynamically has size 0.

    So has one whose server does not count them: `-` in all columns (coreutils' fsusage.c, of all ones in statfs).
    """
    return _rows("df -Pi", _UNCOUNTED.sub(" 0 0 0 - /", text), _INODES_HEADER)


def _rows(source: str, text: str, header: re.Pattern[str]) -> tuple[FileSystem, ...]:
    rows = []
    for line in lines_from(source, text, header)[1:]:
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        rows.append(FileSystem(row[1], int(row[2]), int(row[3]), int(row[4]), row[6]))
    if not rows:
        raise unparsable(source, why="no file system")
    return tuple(rows)
