"""The files of a run: written completely or not at all, or line by line, and for their owner alone."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dlws.config.named_file import KINDS

PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
"""The modes of a run's files and folders: evidence, and what is made of it, is for its owner alone."""
HANDED_OVER = 0o666
"""The mode of a file that a command was told to write, less the umask: a copy to be handed over."""


def opened_to_append(file: Path) -> int:
    """The descriptor of a file that is written line by line, and may be read. OSError."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)


def create(file: Path, content: str, made_in: Path | None = None) -> None:
    """Make a file of a few bytes, which is there with all of them. FileExistsError if there is one, or another OSError.

    Of several threads and processes one makes it, and the others read what it has written. What a kill leaves is beside
    the file, or in another folder of its file system, `made_in`, where each file beside it counts.
    """
    temporary = write((made_in or file.parent) / f".{file.name}.{secrets.token_hex(4)}", content)
    try:
        file.hardlink_to(temporary)
    finally:
        temporary.unlink()


def write(file: Path, content: str | bytes | Iterable[str], mode: int = PRIVATE) -> Path:
    """Replace a file atomically, text as UTF-8; returns `file`. On OSError, which names it, the old one is unchanged.

    A content in pieces is written as they are made: a report of a thousand hosts is never whole in memory.
    It has the mode less the umask, whatever that of the old one. What is there and no file is refused: root's rename(2)
    would put a file in the place of a machine's /dev/null.
    """
    pieces = (content,) if isinstance(content, str | bytes) else content
    temporary = file.parent / f".{file.name}.{secrets.token_hex(4)}"
    try:
        _require_replaceable(file)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(handle, "wb") as out:
                for piece in pieces:
                    out.write(piece if isinstance(piece, bytes) else piece.encode("utf-8"))
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    return file


def _require_replaceable(file: Path) -> None:
    """OSError where there is something else than a file or a link, which a file would take the place of."""
    with suppress(FileNotFoundError):
        kind = stat.S_IFMT(file.lstat().st_mode)
        if kind not in {stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR}:  # a folder is refused by rename(2), in its own words
            raise OSError(errno.EINVAL, f"{KINDS.get(kind, 'something else')}, not a regular file", str(file))
