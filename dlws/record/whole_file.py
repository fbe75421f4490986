"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write(file: Path, content: str | bytes) -> Path:
    """Replace a file atomically, text as UTF-8; returns `file`. On OSError the old file is unchanged."""
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return file
