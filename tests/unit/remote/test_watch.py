"""Deadlines, any number of them on one thread."""

from __future__ import annotations

import threading
import time

from dlws.remote.watch import Watch

SOON, LATE = 0.05, 60.0


def test_what_is_left_in_time_is_not_ended() -> None:
    ended = threading.Event()
    with Watch(SOON, ended.set) as watch:
        pass
    assert not ended.wait(4 * SOON)
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


def test_a_thousand_watches_take_one_thread() -> None:
    watches = [Watch(LATE, lambda: None) for _ in range(1000)]
    with Watch(LATE, lambda: None):
        before = threading.active_count()
        for watch in watches:
            watch.__enter__()
        assert threading.active_count() == before
    for watch in watches:
        watch.__exit__()


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
