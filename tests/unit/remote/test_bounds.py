"""A host that does not read, or says too much, costs a bounded time and a bounded amount of everything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlws.record.answer import LinkLost, Unreachable
from dlws.remote import connection as connection_module
from dlws.remote import local, outbox, shell
from dlws.remote.connection import Connection
from dlws.verdict import Unknown

Patch = Callable[..., Connection]


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


def test_what_was_sent_fast_buys_no_long_wait_later(stopped: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is of the whole; half of an archive of gigabytes would otherwise buy hours of silence."""
    monkeypatch.setattr(outbox, "SLOWEST", 1)
    monkeypatch.setattr(outbox, "STALLED", 0.3)
    sending = Attempt(lambda: stopped.send("cat", token="t", stdin=bytes(16 << 20), deadline=5))
    assert "the host does not read what it is sent" in str(sending.error())


def test_a_frame_that_was_interrupted_is_followed_by_none() -> None:
    given_up: list[str] = []
    box = outbox.Outbox(Interrupted(), given_up.append)
    with pytest.raises(KeyboardInterrupt):
        box.write(b"half a frame", time.monotonic() + 5)
    assert given_up == ["sending failed: KeyboardInterrupt"]


class Interrupted:
    def write(self, data: bytes) -> None:
        raise KeyboardInterrupt


def test_a_child_that_keeps_stderr_open_holds_nothing_up() -> None:
    left_behind = ["sh", "-c", "sleep 30 </dev/null >/dev/null & exit 3"]
    opening = Attempt(lambda: local.open_process("host", left_behind).connect())
    assert "exit status 3" in str(opening.error())


def test_a_claim_beyond_the_cap_is_not_waited_for(patched: Patch) -> None:
    connection = patched("len(out), len(err))", "len(out), 1 << 31)")
    with pytest.raises(LinkLost, match=r"host's answer is refused: it claims 2147483648 bytes for a cap of 1048576"):
        connection.send("echo", token="t", deadline=5)


def test_more_than_the_cap_is_not_an_answer(patched: Patch) -> None:
    connection = patched("room = self.cap - len(kept)", "room = 1 << 30")
    with pytest.raises(LinkLost, match="it claims 4000000 bytes for a cap of 1000"):
        connection.ask(["head -c 4000000 /dev/zero"], cap=1000)


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_a_time_that_is_none_is_not_an_answer(patched: Patch, seconds: str) -> None:
    connection = patched("time.monotonic() - self.began", f"float('{seconds}')")
    with pytest.raises(LinkLost, match=rf"it claims {seconds} s"):
        connection.send("echo", token="t", deadline=5)


def test_an_answer_to_no_request_is_refused(patched: Patch) -> None:
    connection = patched("head = ANSWER.pack(self.number", "head = ANSWER.pack(self.number + 7")
    with pytest.raises(LinkLost, match="it is to no request"):
        connection.send("echo", token="t", deadline=5)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"$n" "$m"', '"$n" 1000000000', r"it claims 1000000000 bytes for a cap of 1000"),
        ("  t=$((", "  t=nan; : $((", "it is not understood"),
        ('printf "%s %s %s', 'yes | head -c 1000000; printf "%s %s %s', "it is not understood"),
        ('printf "%s %s %s', 'yes | tr -d "\\n" | head -c 1000000; printf "%s %s %s', "it is not understood"),
    ],
    ids=["too long", "no time", "noise", "noise on one line"],
)
def test_the_shell_is_held_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, why: str
) -> None:
    assert old in shell.SCRIPT
    monkeypatch.setattr(shell, "SCRIPT", shell.SCRIPT.replace(old, new))
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3").chmod(0o755)
    connection = local.open_process("host", ["env", f"PATH={tmp_path}:/usr/bin:/bin"]).connect()
    with pytest.raises(LinkLost, match=rf"host's answer is refused: {why}"):
        connection.ask(["echo"], cap=1000)
    connection.close()


def test_a_host_that_never_stops_talking_is_listened_to_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "TOTAL", 3 << 20)
    connection = local.open_local()
    for _ in range(4):
        connection.ask([f"head -c {1 << 20} /dev/zero"])
    with pytest.raises(Unreachable, match="control: has printed 4 MiB in this run, more than 3"):
        connection.ask(["true"])
    connection.close()


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
