"""The folder in which a benchmark works."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


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
