"""A deadline for a library call that has none and may wait for a silent peer forever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Watch:
    """Context manager that calls `act`, in a thread of its own, if it is not left within `seconds`.

    `waiting_for` says what was in progress.
    """

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self.expired, self.waiting_for = False, ""
        self._seconds = seconds
        self._act: Callable[[], None] | None = act

    def __enter__(self) -> Watch:
        _CLOCK.call(self, time.monotonic() + self._seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self._act = None  # the clock keeps this watch until its time: nothing else may live as long

    def expire(self) -> None:
        """Act, unless it has been left. Called when its time has come."""
        if act := self._act:
            self.expired = True
            act()


class _Clock:
    """One thread for all watches: a thread for each would cost as much as what it watches."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Watch]] = []
        self._numbers = count()
        self._sooner = threading.Condition()
        self._thread: threading.Thread | None = None

    def call(self, watch: Watch, when: float) -> None:
        """Let a watch expire at a time (time.monotonic)."""
        with self._sooner:
            heappush(self._due, (when, next(self._numbers), watch))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watches", daemon=True)
                self._thread.start()
            elif self._due[0][2] is watch:
                self._sooner.notify()

    def _run(self) -> None:
        while True:
            with self._sooner:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._sooner.wait(self._due[0][0] - time.monotonic() if self._due else None)
                watch = heappop(self._due)[2]
            threading.Thread(target=watch.expire, name="late", daemon=True).start()


_CLOCK = _Clock()
