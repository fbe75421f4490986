"""A file's lock among processes, waited for within a bound: the process that holds it may have been stopped."""

from __future__ import annotations

import fcntl
import time

PAUSE = 0.02  # seconds between two tries


def lock(descriptor: int, patience: float) -> None:
    """Take the exclusive lock of an open file. TimeoutError if another process holds it for `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() + PAUSE > until:
                raise TimeoutError(f"another process has kept it locked for {patience:g} s") from None
            time.sleep(PAUSE)
        else:
            return
