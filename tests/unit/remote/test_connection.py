"""A connection that many stages of a run share, as that to the master."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from dlws.record.answer import Unreachable
from dlws.remote import connection
from dlws.remote.connection import SessionConnection
from dlws.remote.session import Session
from tests.kits.project import eventually

TOGETHER = 4


def test_a_session_that_cannot_be_opened_is_tried_once_for_all_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []  # at the clock: one as each begins to wait, one as the attempt has failed
    tries: list[str] = []

    def monotonic() -> float:
        looks.append(1)
        return float(len(looks))

    def refused() -> tuple[str, Session]:
        tries.append("atlas02")
        eventually(lambda: len(looks) >= TOGETHER)
        raise Unreachable("no route to host")

    monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=monotonic))
    shared = SessionConnection("atlas02", refused)
    with ThreadPoolExecutor(TOGETHER) as pool:
        failures = [pool.submit(shared.restore) for _ in range(TOGETHER)]
    assert [str(failure.exception()) for failure in failures] == ["atlas02: no route to host"] * TOGETHER
    assert tries == ["atlas02"]


def test_a_later_use_tries_again() -> None:
    tries: list[str] = []

    def refused() -> tuple[str, Session]:
        tries.append("atlas02")
        raise Unreachable("no route to host")

    shared = SessionConnection("atlas02", refused)
    for _ in range(2):
        with pytest.raises(Unreachable):
            shared.restore()
    assert len(tries) == 2
