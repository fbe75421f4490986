"""Files of a folder that somebody else may have filled, such as the folder of a run that was sent to us.

Only regular files of a bounded size are opened, and no link below the folder is followed. FIFOs and devices are never
opened, so that no reading waits and none takes another file's content for a run's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path, PurePosixPath

from dlws.config.named_file import KINDS
from dlws.record.whole_file import PRIVATE

MOST_FILES = 20_000
"""Files in one folder: 1,000 hosts, each of which changed its worker 20 times."""
LONGEST_LINE = 128 << 20
"""Bytes: the answer of the API, at most 64 MiB, as JSON in JSON."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_BLOCK = 1 << 20


class NotRegular(OSError):
    """Something else than a regular file of a bounded size; the message names it."""


def opened(folder: Path, name: str, most: int) -> BufferedReader:
    """The file `name` (it may name folders: `evidence/a.jsonl`) of a folder, for reading. `most` is in bytes.

    The folder itself may be reached through links. Raises FileNotFoundError, NotRegular, or another OSError.
    """
    *parents, last = PurePosixPath(name).parts
    with _within(folder, parents) as parent:
        _require(stat.S_IFREG, os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode, folder / name)
        file = os.fdopen(os.open(last, _FILE, dir_fd=parent), "rb")
    status = os.fstat(file.fileno())
    try:
        _require(stat.S_IFREG, status.st_mode, folder / name)
        if status.st_size > most:
            raise NotRegular(f"{folder / name} has {status.st_size:,} bytes, of {most:,} at most")
    except NotRegular:
        file.close()
        raise
    return file


def content(folder: Path, name: str, most: int) -> bytes:
    """The bytes of a file. Raises as `opened`."""
    with opened(folder, name, most) as file:
        return file.read(most)


def copy(folder: Path, name: str, to: Path, most: int) -> None:
    """Copy a file to a new one that only its owner can read. Raises as `opened`, FileExistsError."""
    with opened(folder, name, most) as file, os.fdopen(os.open(to, _NEW, PRIVATE), "wb") as out:
        while block := file.read(_BLOCK):
            out.write(block)


def lines(file: BufferedReader) -> Iterator[str]:
    r"""The lines of a file as text. Bytes that are not UTF-8, as in a torn character, appear as `\xNN`.

    Raises NotRegular for a line longer than LONGEST_LINE.
    """
    return iter(partial(_line, file), "")  # which keeps no line while the next one is read


def _line(file: BufferedReader) -> str:
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise NotRegular(f"a line has more than {LONGEST_LINE:,} bytes")
    return line.decode("utf-8", "backslashreplace")


def sizes(folder: Path, name: str) -> dict[str, int]:
    """The files in the folder `name` of a folder with their sizes in bytes, sorted by name; empty if there is none.

    Raises NotRegular for anything in it that is no regular file, and for more than MOST_FILES; or another OSError.
    """
    found: dict[str, int] = {}
    try:
        with _within(folder, [name]) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                _require(stat.S_IFREG, status.st_mode, folder / name / entry.name)
                found[entry.name] = status.st_size
                if len(found) > MOST_FILES:
                    raise NotRegular(f"{folder / name} has more than {MOST_FILES:,} files")
    except FileNotFoundError:
        return {}
    return dict(sorted(found.items()))


@contextmanager
def _within(folder: Path, parents: list[str]) -> Iterator[int]:
    """The descriptor of a folder's folder, reached through no link."""
    descriptor = os.open(folder, _FOLDER)
    try:
        place = folder
        for parent in parents:
            place /= parent
            _require(stat.S_IFDIR, os.stat(parent, dir_fd=descriptor, follow_symlinks=False).st_mode, place)
            inner = os.open(parent, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _require(kind: int, mode: int, path: Path) -> None:
    if stat.S_IFMT(mode) != kind:
        wanted = "a folder" if kind == stat.S_IFDIR else "a regular file"
        raise NotRegular(f"{path} is {KINDS.get(stat.S_IFMT(mode), 'a file')}, not {wanted}")
