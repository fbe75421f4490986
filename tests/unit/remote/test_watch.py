"""Deadlines, any number of them on one thread."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from dlws.remote.watch import Watch

SOON, LATE = 0.05, 60.0
IN_TIME = 1.0  # a busy machine may stop a process for as long as SOON between two lines


def test_what_is_left_in_time_is_not_ended() -> None:
    ended = threading.Event()
    with Watch(IN_TIME, ended.set) as watch:
        pass
    assert not ended.wait(IN_TIME + SOON)
    assert not watch.expired


def test_what_is_late_is_ended_though_another_has_more_time() -> None:
    ended = threading.Event()
    with Watch(LATE, lambda: None) as patient, Watch(SOON, ended.set) as watch:
        assert ended.wait(LATE)
    assert (watch.expired, patient.expired) == (True, False)


def test_an_end_that_takes_long_delays_no_other() -> None:
    over, ended = threading.Event(), threading.Event()
    with Watch(SOON, lambda: over.wait(LATE) and None), Watch(2 * SOON, ended.set):
        assert ended.wait(LATE / 2)
    over.set()


def test_no_time_at_all_ends_at_once() -> None:
    ended = threading.Event()
    with Watch(0.0, ended.set):
        assert ended.wait(LATE)


def test_a_thousand_watches_take_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    starters: list[threading.Thread] = []
    start = threading.Thread.start
    monkeypatch.setattr(
        threading.Thread, "start", lambda new: (starters.append(threading.current_thread()), start(new))
    )
    with Watch(LATE, lambda: None), ExitStack() as watches:
        starters.clear()
        for _ in range(1000):
            watches.enter_context(Watch(LATE, lambda: None))
    assert threading.current_thread() not in starters


def test_many_that_are_late_at_once_all_end() -> None:
    ended: list[float] = []
    watches = [Watch(SOON + at / 1000, lambda: ended.append(time.monotonic())) for at in range(50)]
    for watch in watches:
        watch.__enter__()
    until = time.monotonic() + LATE
    while len(ended) < 50 and time.monotonic() < until:
        threading.Event().wait(SOON)
    assert len(ended) == 50
    assert all(watch.expired for watch in watches)
