"""A deadline for what has none of its own: a library call that may wait for a silent peer for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watch:
    """Calls `act` unless left in time. `waiting_for` says what was under way."""

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
