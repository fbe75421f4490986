"""Waits for the effect of a change, within a bound."""

from __future__ import annotations

import time
from collections.abc import Callable

from dlws.record.answer import HeldByAnotherRun, HostKeyChanged
from dlws.verdict import Unknown


def wait_for(what: str | Callable[[], str], holds: Callable[[], bool], deadline: float, *, pause: float = 1.0) -> None:
    """Wait until `holds()`; an Unknown from it (the host is down) is not the end. Unknown after `deadline` seconds.

    HostKeyChanged and HeldByAnotherRun are raised at once.
    """
    end = time.monotonic() + deadline
    last = ""
    while True:
        try:
            if holds():
                return
        except (HostKeyChanged, HeldByAnotherRun):
            raise
        except Unknown as error:
            last = f" (last: {error})"
        if time.monotonic() + pause > end:
            raise Unknown(f"waited {deadline:g} s for {what if isinstance(what, str) else what()}{last}")
        time.sleep(pause)
