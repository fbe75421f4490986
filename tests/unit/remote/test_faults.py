"""SSH servers that misbehave: each fault becomes one clear Unknown, in bounded time; no password leaves too early."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from dlws.record.answer import CommandTimedOut, HostKeyChanged, LinkLost, LoginRefused, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote import agent, patience, session
from dlws.remote.fleet import Fleet
from dlws.remote.foresight import Foresight
from dlws.remote.hostkeys import HostKeys
from dlws.remote.ssh import Login, Secret, open_ssh
from tests.kits.ssh_server import (
    HOST_KEY,
    ROOT,
    WORKS,
    Behaviour,
    Server,
    Ssh,
    node_at,
    run_for_real,
    user_key,
    with_sudo,
)


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Server]]:
    servers: list[Server] = []

    def start(behave: Behaviour) -> Server:
        servers.append(Server(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()
        for connection in server.accepted:
            connection.close()


@pytest.fixture
def keys(tmp_path: Path) -> HostKeys:
    """With the servers' key confirmed, as an operator does before a password is sent."""
    return HostKeys(tmp_path / "known_hosts", {"atlas01": HOST_KEY.fingerprint})


def hold(connection: socket.socket) -> None:
    """Accept and say nothing."""


def hang_up(channel: paramiko.Channel, command: bytes) -> None:
    """Take what is sent, then close without an exit status."""
    with suppress(EOFError, OSError):
        channel.recv(10)
        channel.close()


def only_hello(channel: paramiko.Channel, command: bytes) -> None:
    """A helper that starts and then answers nothing."""
    said = b""
    while not (nonce := re.search(rb'main\(b"([0-9a-f]+)"\)\n', said)):
        said += channel.recv(65536)
    channel.sendall(agent.HELLO + nonce[1] + b"\n")


def drip(connection: socket.socket) -> None:
    with suppress(OSError):
        for byte in b"SSH-2.0-OpenSSH_7.6p1 Ubuntu-4ubuntu0.3\r\n":
            connection.sendall(bytes([byte]))
            time.sleep(0.2)


def die_in_key_exchange(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(b"SSH-2.0-OpenSSH_7.6p1\r\n")
        connection.recv(100)
    connection.close()


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (hold, "no key exchange within 0.4 s"),
        (drip, "no key exchange within 0.4 s"),
        (die_in_key_exchange, "key exchange failed"),
        (lambda connection: connection.close(), "key exchange failed"),
    ],
    ids=["silent before the banner", "one byte at a time", "dies in the key exchange", "closes at once"],
)
def test_a_server_that_never_gets_to_the_login(
    serve: Callable[[Behaviour], Server], keys: HostKeys, behave: Behaviour, why: str
) -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable, match=rf"atlas01: unreachable at 127.0.0.1:\d+: {why}"):
        open_ssh(serve(behave).node, [ROOT], keys, login_timeout=0.4)
    assert time.monotonic() - started < 15  # by default it would have 20


def test_a_closed_port_is_told_at_once(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    server = serve(hold)
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    with pytest.raises(Unreachable, match="cannot connect: Connection refused"):
        open_ssh(server.node, [ROOT], keys)


def test_a_network_that_swallows_everything(keys: HostKeys) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):  # a full queue: the kernel drops every further SYN
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with pytest.raises(Unreachable, match=r"no answer within 0\.3 s to a TCP connection"):
            open_ssh(node_at(listener.getsockname()[1]), [ROOT], keys, connect_timeout=0.3)


def test_a_crowded_sshd_is_knocked_at_again(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    ssh = Ssh(run_for_real)
    turned_away: list[socket.socket] = []

    def crowded(connection: socket.socket) -> None:
        if len(turned_away) < 2:
            turned_away.append(connection)
            connection.close()
        else:
            ssh(connection)

    connection = open_ssh(serve(crowded).node, [ROOT], keys)
    assert connection.ask(["echo in"])[0].text == "in\n"
    connection.close()


@pytest.mark.parametrize("kinds", ["password", "keyboard-interactive"])
def test_a_password_gives_root_commands(serve: Callable[[Behaviour], Server], keys: HostKeys, kinds: str) -> None:
    ssh = Ssh(run_for_real)
    ssh.kinds = kinds
    connection = open_ssh(serve(ssh).node, [ROOT], keys)
    assert connection.ask(["id -u"])[0].text == "0\n"
    assert len(ssh.tried) == 1
    connection.close()


def test_a_wrong_password_is_refused_and_not_shown(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    ssh = Ssh(run_for_real)
    wrong = Login("root", password=Secret("wrong horse"))
    with pytest.raises(LoginRefused, match="atlas01: no login works: root with a password: refused") as refused:
        open_ssh(serve(ssh).node, [wrong], keys)
    assert ssh.tried == ["root:wrong horse"]
    assert "horse" not in f"{refused.value} {wrong} {wrong!r} {wrong.password}"


def test_a_changed_key_stops_the_host_before_any_credential(
    serve: Callable[[Behaviour], Server], tmp_path: Path
) -> None:
    keys = HostKeys(tmp_path / "known_hosts")
    imposter = Ssh(run_for_real, key=paramiko.ECDSAKey.generate())
    server = serve(imposter)
    keys.path.write_text("# pinned\n")
    keys.pin(server.node, HOST_KEY)
    with pytest.raises(HostKeyChanged) as changed:
        open_ssh(server.node, [ROOT], keys)
    text = str(changed.value)
    assert text.count("SHA256:") == 2
    assert f"{keys.path}, line 2" in text
    assert imposter.tried == []


def test_no_password_goes_to_a_host_that_nobody_vouches_for(
    serve: Callable[[Behaviour], Server], tmp_path: Path
) -> None:
    ssh, keys = Ssh(run_for_real), HostKeys(tmp_path / "known_hosts")
    server = serve(ssh)
    for _ in range(2):  # the first contact must not vouch for the second
        with pytest.raises(LoginRefused, match=f"nobody has confirmed the host key: .*{re.escape(str(HOST_KEY))}"):
            open_ssh(server.node, [ROOT], keys)
    assert ssh.tried == []
    keys.pin(server.node, HOST_KEY)
    open_ssh(server.node, [ROOT], keys).close()
    assert ssh.tried == ["root:right horse"]


def test_a_host_that_took_a_key_once_is_told_no_password(
    serve: Callable[[Behaviour], Server], keys: HostKeys, tmp_path: Path
) -> None:
    ssh, key = Ssh(run_for_real), Login("root", key=user_key(tmp_path / "id_rsa"))
    server = serve(ssh)
    ssh.kinds = "publickey,password"
    open_ssh(server.node, [key, ROOT], keys).close()
    ssh.takes_keys = False  # from now on it is not ours any more
    with pytest.raises(LoginRefused, match=r"key .*: refused; root with a password: not sent, because atlas01 has"):
        open_ssh(server.node, [key, ROOT], HostKeys(keys.path, keys.confirmed))
    assert ssh.tried == ["root key"] * 2


def test_a_login_that_prints_before_the_helper_speaks(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    motd = b"Welcome to Ubuntu 18.04\r\nDLWS-AGENT 0000\n" + bytes(range(256)) * 100
    server = serve(Ssh(lambda channel, command: run_for_real(channel, command, motd)))
    connection = open_ssh(server.node, [ROOT], keys)
    assert connection.ask(["echo clean"])[0].out == b"clean\n"
    connection.close()


def test_a_command_that_never_starts(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    class Hung(Ssh):
        def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
            time.sleep(5)
            return False

    with pytest.raises(Unreachable, match=r"no answer within 1\.5 s, waiting for a command to start for root"):
        open_ssh(serve(Hung(run_for_real)).node, [ROOT], keys, login_timeout=1.5)


def test_a_helper_that_never_speaks(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    server = serve(Ssh(lambda channel, command: None))
    with pytest.raises(Unreachable, match=r"atlas01.* within 1.5 s"):
        open_ssh(server.node, [ROOT], keys, login_timeout=1.5)


def test_a_host_that_falls_silent_costs_one_deadline(
    serve: Callable[[Behaviour], Server], keys: HostKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GRACE", 0.1)
    monkeypatch.setattr(agent, "KILL_AFTER", 0.05)
    monkeypatch.setattr(patience, "PULSE_DEADLINE", 0.2)
    server = serve(Ssh(only_hello))
    transcript = Transcript(tmp_path / "evidence", Redactor([]))

    foresight = Foresight(tmp_path / "foresight.json")
    fleet = Fleet([server.node], lambda node: open_ssh(node, [ROOT], keys), transcript, foresight=foresight)
    for number in range(100):
        with pytest.raises(Unreachable, match=r"hangs: .*before that, no answer within 0\.4 s to: cat /etc/0"):
            fleet.connection("atlas01").ask([f"cat /etc/{number}"], deadline=0.2)
    assert len(server.accepted) == 2  # for the first question, and for the pulse
    fleet.close()


def test_a_batch_is_given_up_when_nothing_comes_any_more(
    serve: Callable[[Behaviour], Server], keys: HostKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GRACE", 0.1)
    monkeypatch.setattr(agent, "KILL_AFTER", 0.05)
    connection = open_ssh(serve(Ssh(only_hello)).node, [ROOT], keys)
    with pytest.raises(CommandTimedOut, match=r"no answer within 0\.4 s"):  # not 10 rounds of 0.3 s
        connection.ask(["true"] * 10 * agent.PARALLEL, deadline=0.2)


def test_a_channel_closed_without_an_exit_status(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    with pytest.raises(Unreachable, match="atlas01: the helper did not start; the host said: "):
        open_ssh(serve(Ssh(hang_up)).node, [ROOT], keys)


def test_a_session_closed_in_mid_command(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    channels: list[paramiko.Channel] = []

    def remember(channel: paramiko.Channel, command: bytes) -> None:
        channels.append(channel)
        run_for_real(channel, command)

    connection = open_ssh(serve(Ssh(remember)).node, [ROOT], keys)
    threading.Timer(0.3, lambda: channels[0].close()).start()
    with pytest.raises(LinkLost, match="sent once"):
        connection.send("sleep 2", token="t", deadline=5)
    connection.close()


def test_an_expired_password_is_told_in_the_hosts_own_words(
    serve: Callable[[Behaviour], Server], keys: HostKeys
) -> None:
    def expired(channel: paramiko.Channel, command: bytes) -> None:
        run_for_real(channel, b"echo 'Password change required but no TTY available.' >&2; exit 1")

    with pytest.raises(Unreachable, match="Password change required but no TTY available"):
        open_ssh(serve(Ssh(expired)).node, [ROOT], keys)


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("sudo: a password is required", "`dlwsadmin ALL=(ALL) NOPASSWD: ALL` into /etc/sudoers.d/dlwsadmin"),
        ("dlwsadmin is not in the sudoers file.", "`dlwsadmin ALL=(ALL) NOPASSWD: ALL` into"),
        (
            "sudo: sorry, you must have a tty to run sudo",
            "`Defaults:dlwsadmin !requiretty` into /etc/sudoers.d/dlwsadmin",
        ),
        ("sh: 1: sudo: not found", "install the package sudo"),
        ("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set", "chmod 4755 /usr/bin/sudo"),
        ("/etc/sudoers.d/x:1:4: syntax error\nsudo: no valid sudoers sources found, quitting", "`visudo -c` names"),
    ],
)
def test_a_sudo_that_refuses_is_told_with_its_fix(
    serve: Callable[[Behaviour], Server], keys: HostKeys, tmp_path: Path, said: str, fix: str
) -> None:
    sudo = with_sudo(tmp_path, f"echo '{said}' >&2; exit 1")
    server = serve(Ssh(lambda channel, command: run_for_real(channel, command, env=sudo)))
    with pytest.raises(LoginRefused, match=f"(?s){re.escape(said)}.*{re.escape(fix)}"):
        open_ssh(server.node, [Login("dlwsadmin", password=Secret("right horse"))], keys)


def test_another_user_works_through_sudo(serve: Callable[[Behaviour], Server], keys: HostKeys, tmp_path: Path) -> None:
    server = serve(Ssh(lambda channel, command: run_for_real(channel, command, env=with_sudo(tmp_path, WORKS))))
    connection = open_ssh(server.node, [Login("dlwsadmin", password=Secret("right horse"))], keys)
    assert (connection.user, connection.ask(["echo '$HOME' \"quoted\""])[0].text) == ("dlwsadmin", "$HOME quoted\n")
    connection.close()


def test_closing_resets_so_that_no_late_byte_arrives(serve: Callable[[Behaviour], Server], keys: HostKeys) -> None:
    server = serve(hold)
    with pytest.raises(Unreachable):
        open_ssh(server.node, [ROOT], keys, login_timeout=0.3)
    assert server.accepted[0].recv(100).startswith(b"SSH-2.0-paramiko")
    with pytest.raises(ConnectionResetError):
        server.accepted[0].recv(100)
