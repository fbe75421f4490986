"""Keeps Python inside its folder where its library would look at the machine's files."""

from __future__ import annotations

import ctypes.util
import mimetypes
import sys
from pathlib import Path


def _find_library(name: str) -> str | None:
    """The file name of a library of this folder. Python's own function asks gcc, ld and ldconfig of the machine."""
    return next((path.name for path in sorted(Path(sys.prefix, "lib").glob(f"lib{name}.so*"))), None)


ctypes.util.find_library = _find_library
mimetypes.knownfiles.clear()
