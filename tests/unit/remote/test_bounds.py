"""A host that does not read, or says too much, costs a bounded time and a bounded amount of everything."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlws.record.answer import LinkLost
from dlws.remote import local, outbox
from dlws.remote.connection import Connection
from dlws.verdict import Unknown


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection whose helper is stopped, as on a host that thrashes; the bound is half a second."""
    monkeypatch.setattr(outbox, "GRACE", 0.5)
    monkeypatch.setattr(outbox, "SLOWEST", 1 << 30)
    connection = local.open_local()
    pid = int(connection.ask(["echo $PPID #"])[0].text)
    os.kill(pid, signal.SIGSTOP)
    yield connection
    os.kill(pid, signal.SIGKILL)
    connection.close()


def test_a_host_that_does_not_read_loses_its_link(stopped: Connection) -> None:
    sending = Attempt(lambda: stopped.send("cat", token="t", stdin=bytes(16 << 20), deadline=5))
    asking = Attempt(lambda: stopped.send("true", token="u", deadline=5))  # must not wait for the first one for ever
    assert "the host does not read what it is sent" in str(sending.error())
    assert isinstance(asking.error(), LinkLost)


def test_a_child_that_keeps_stderr_open_holds_nothing_up() -> None:
    left_behind = ["sh", "-c", "sleep 30 </dev/null >/dev/null & exit 3"]
    opening = Attempt(lambda: local.open_process("host", left_behind).connect())
    assert "exit status 3" in str(opening.error())


class Attempt:
    """A call in another thread, which must end in an error."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act, self._error = act, None  # type: ignore[var-annotated]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._act()
        except Unknown as error:
            self._error = error

    def error(self) -> Unknown | None:
        """The error that it ended in, within ten seconds."""
        self._thread.join(10)
        assert not self._thread.is_alive(), "it waits for ever"
        return self._error
