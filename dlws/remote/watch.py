"""A deadline for a library call that has none and may wait for a silent peer forever."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watch:
    """Context manager that calls `act` if it is not left within `seconds`. `waiting_for` says what was in progress."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self.expired, self.waiting_for = False, ""
        self._act = act
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def _expire(self) -> None:
        self.expired = True
        self._act()

    def __enter__(self) -> Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
