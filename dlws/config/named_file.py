"""Files that a person names, or keeps in the state folder: read only if they are files.

A FIFO that nobody writes to is waited for without an end, a device may have none, and to open one may change it.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What is no regular file, by the type in its mode (stat(2), st_mode)."""
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def opened(path: Path) -> BufferedReader:
    """The file at a path, or at the end of its links, for reading. Nothing but a regular file is ever opened.

    Raises OSError, whose strerror says what else it is: `a FIFO, not a regular file`.
    """
    _require_regular(path, path.stat())
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    try:
        _require_regular(path, os.fstat(file.fileno()))  # somebody may have replaced it
    except OSError:
        file.close()
        raise
    return file


def content(path: Path) -> bytes:
    """The bytes of a file. Raises as `opened`."""
    with opened(path) as file:
        return file.read()


def text(path: Path, errors: str = "strict") -> str:
    """The text of a file in UTF-8. Raises as `opened`, and UnicodeDecodeError unless `errors` says otherwise."""
    with io.TextIOWrapper(opened(path), encoding="utf-8", errors=errors) as file:
        return file.read()


def _require_regular(path: Path, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
        raise OSError(number, f"{KINDS.get(kind, 'something else')}, not a regular file", str(path))
