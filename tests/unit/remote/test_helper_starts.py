"""Hosts on which the helper hardly starts: without a usable python3, with few sessions, with words of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlws.record.answer import Unreachable
from dlws.remote import session, shell, ssh
from dlws.remote.connection import Connection
from dlws.remote.hostkeys import HostKeys
from dlws.remote.ssh import Login, open_ssh
from tests.kits.sshd import Server, make_key

Reach = Callable[..., Connection]
PATIENCE, SOON = 60.0, 3.0  # seconds for what ends by itself, and for what does not


@pytest.fixture
def reach(tmp_path: Path) -> Iterator[Reach]:
    """Connects to an sshd whose python3 is this script, with these settings, in `limit` seconds."""
    servers: list[Server] = []

    def connect(python: str, *settings: str, limit: float = PATIENCE) -> Connection:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (tmp_path / "bin" / "python3").chmod(0o755)
        path = f"SetEnv SHLVL=2 PATH={tmp_path}/bin:/usr/bin:/bin"
        key = make_key(tmp_path / "user")
        servers.append(Server(tmp_path, make_key(tmp_path / "host"), settings=[path, *settings]))
        login = Login("root", key=key)
        return open_ssh(servers[-1].node, [login], HostKeys(tmp_path / "known_hosts"), login_timeout=limit)

    yield connect
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    ("python", "limit"),
    [
        *(("exec sleep 10", SOON), ("exec yes", SOON), ("exec cat >/dev/null", SOON)),
        *(("echo no >&2; exit 1", PATIENCE), ("kill -SEGV $$", PATIENCE)),
    ],
    ids=["hangs", "floods", "eats its input", "fails", "crashes"],
)
def test_a_host_without_a_usable_python3_is_reached_by_its_shell(reach: Reach, python: str, limit: float) -> None:
    connection = reach(python, limit=limit)
    assert connection.ask(["readlink /proc/$PPID/exe | grep -c python #; id -u"])[0].text == "0\n"
    assert connection.send("cat", token="t", stdin=b"fed", deadline=5).text == "fed"
    connection.close()


def test_one_session_at_a_time_is_enough(reach: Reach) -> None:
    connection = reach("exit 127", "MaxSessions 1")
    assert connection.ask(["echo in"])[0].text == "in\n"
    connection.close()


def test_what_keeps_the_only_session_is_told_too(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "FREED_AFTER", (0.1,))
    with pytest.raises(Unreachable, match=r"did not start within 3 s.*then: .*MaxSessions"):
        reach("trap '' HUP PIPE; sleep 9", "MaxSessions 1", limit=SOON)


@pytest.mark.parametrize("words", ["echo down for maintenance", "echo down for maintenance >&2"], ids=["out", "err"])
def test_the_hosts_own_words_are_told_with_its_exit_status(reach: Reach, words: str) -> None:
    with pytest.raises(Unreachable, match=r"the host said: .*down for maintenance.*exit status 3"):
        reach("", f"ForceCommand {words}; exit 3")


def test_what_starts_a_helper_is_one_short_line_for_any_shell() -> None:
    """csh takes no line break between quotes, and `ps` shows it to all."""
    for line, _ in (session.boot("nonce", "python3"), shell.boot("nonce")):
        assert "\n" not in line
        assert len(line) < 240
