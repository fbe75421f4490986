"""The packages of a release and an architecture as a host gets them: one archive, in it apt's index of all of them.

Both are made of the packages, the last of a fetch. Where they hold others than the lock names, the fetch was cut off:
packages are then missing that no stage asks for by name, because the named ones depend on them.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from dlws.content.lock import INDEX, NAME, Lock
from dlws.parse.tar import members

_FILE: Final = re.compile(r"^Filename: \./(.+)$", re.MULTILINE)
AGAIN: Final = "fetch the content again"


def of(locked: Lock) -> list[str]:
    """The folders of packages in a lock: `packages/ubuntu-18.04-arm64`."""
    return sorted({str(PurePosixPath(one.path).parent) for one in locked.files if one.kind == "package"})


def troubles(folder: Path, place: str, locked: Lock, known: Collection[str]) -> Iterator[str]:
    """What keeps apt on a host from installing any package of a place. `known` are files that are found wrong already.

    Raises OSError.
    """
    files = {PurePosixPath(one.path): one for one in locked.files}
    here = {path.name: one for path, one in files.items() if str(path.parent) == place}
    index = {name for name, one in here.items() if one.kind == "package"}
    archive = {(name, one.size) for name, one in here.items()}
    made: tuple[tuple[str, Collection[object], Callable[[Path], list[object]]], ...] = (
        (f"{place}/{INDEX}", index, _indexed),
        (f"{place}.tar", archive, _archived),
    )
    for path, demanded, found_in in made:
        if PurePosixPath(path) not in files:
            yield f"{path}: not in {NAME}: {AGAIN}"
        elif path not in known:
            found = found_in(folder / path)
            if len(found) != len(demanded) or {*found} != {*demanded}:
                yield f"{path}: holds other packages than {NAME} has in {place}: {AGAIN}"


def _indexed(path: Path) -> list[object]:
    """The names of the files in an index of apt's."""
    return [*_FILE.findall(path.read_text("utf-8", "replace"))]


def _archived(path: Path) -> list[object]:
    """The plain files in an archive, each with its bytes; what is none is in no lock."""
    try:
        with tarfile.open(path, "r:") as tar:
            return [(member.name, member.size if member.isfile() else -1) for member in members(tar)]
    except (tarfile.TarError, ValueError):
        return [("no archive", -1)]
