"""Some seconds of the fuzzer of `make long`: hostile frames, ledgers and run folders."""

from __future__ import annotations

import signal

import pytest

from tests.faults import fuzz


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_what_is_hostile_breaks_no_reader(target: fuzz.Target) -> None:
    fuzz.attempt(target, number=1, examples=20)


def test_what_breaks_a_reader_is_found() -> None:
    def breaks(draw: fuzz.Draw) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fuzz.attempt(breaks, number=1, examples=1)


def test_what_takes_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(draw: fuzz.Draw) -> None:
        signal.pause()

    monkeypatch.setattr(fuzz, "LONGEST", 0.1)
    with pytest.raises(TimeoutError):
        fuzz.attempt(waits, number=1, examples=1)
