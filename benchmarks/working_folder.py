"""The folder in which a benchmark works, and the suite in it."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SUITE: Final = Path(__file__).parents[1]
COPIED: Final = (
    "checks",
    "dlws",
    "fixtures",
    "reports",
    "conftest.py",
    "pytest.ini",
    "pyproject.toml",
    "requirements.lock",
)
"""What a run of the suite needs of its checkout."""


@contextmanager
def working_folder(prefix: str, dispose: Callable[[Path], object] = shutil.rmtree) -> Iterator[Path]:
    """A new folder, and what becomes of it in the end: removed, or `left` where it is."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        dispose(folder)


def left(folder: Path) -> None:
    """Say where a folder is that is kept (`--keep`)."""
    print(f"kept: {folder}")


def copy_of_the_suite(folder: Path, parts: Iterable[str] = COPIED) -> None:
    """Copy parts of the suite into a folder, without what runs have left there. Raises OSError."""
    for name in parts:
        source = SUITE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
        else:
            shutil.copy(source, folder / name)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
