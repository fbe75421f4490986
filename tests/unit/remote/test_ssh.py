"""SSH against a real sshd: logins, pinned keys, and a network that breaks off or falls silent."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import paramiko
import pytest

from dlws.record.answer import CommandTimedOut, HeldByAnotherRun, HostKeyChanged, LinkLost, LoginRefused, Unreachable
from dlws.remote import agent, lease, outbox, session
from dlws.remote.connection import Connection
from dlws.remote.hostkeys import HostKeys
from dlws.remote.refusals import LOOKS_EVERY
from dlws.remote.ssh import Login, open_ssh
from tests.kits.project import eventually
from tests.kits.sshd import SSHD, Server, free_port, make_key, node_at


class Proxy:
    """A network in front of the server that can be cut (RST both ways) or frozen (nothing passes, nothing ends)."""

    def __init__(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.pairs = self.listener.getsockname()[1], []  # type: ignore[var-annotated]
        self.flowing = threading.Event()
        self.flowing.set()
        threading.Thread(target=self._accept, args=(port,), daemon=True).start()

    def _accept(self, port: int) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                self.pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.flowing.wait()
                sink.sendall(data)
        reset(source, sink)

    def stop(self) -> None:
        self.flowing.set()
        reset(self.listener)
        self.cut()

    def cut(self) -> None:
        for pair in list(self.pairs):  # not the ones that come back at once
            reset(*pair)


def reset(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SSHD is None:
        pytest.fail("sshd is missing: apt-get install --no-install-recommends openssh-server")
    folder = tmp_path_factory.mktemp("sshd")
    make_key(folder / "user")
    running = Server(folder, make_key(folder / "host"), make_key(folder / "host_rsa", "rsa"))
    yield running
    running.stop()


@pytest.fixture
def keys(tmp_path: Path) -> HostKeys:
    return HostKeys(tmp_path / "state" / "known_hosts")


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.stop()


@pytest.fixture
def root(server: Server) -> Login:
    return Login("root", key=server.user_key)


def test_commands_run_as_root_over_one_connection(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    answers = connection.ask(["id -u", "head -c 3000000 /dev/zero", "cat"], cap=4_000_000)
    assert [a.rc for a in answers] == [0, 0, 0]
    assert (answers[0].text, len(answers[1].out), connection.user, connection.host) == (
        "0\n",
        3_000_000,
        "root",
        "atlas01",
    )
    connection.close()


def test_the_first_login_that_works_is_used(server: Server, root: Login, keys: HostKeys, tmp_path: Path) -> None:
    stranger = Login("root", key=make_key(tmp_path / "stranger"))
    absent = Login("dlwsadmin", key=tmp_path / "absent")
    connection = open_ssh(server.node, [absent, stranger, root], keys)
    assert connection.user == "root"
    connection.close()


def test_a_key_is_read_once_and_again_when_its_file_is_another(
    server: Server, root: Login, keys: HostKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root.key
    reads: list[Path] = []
    monkeypatch.setattr(paramiko.PKey, "from_path", noting(paramiko.PKey.from_path, reads))
    os.utime(root.key)
    for _ in range(2):
        open_ssh(server.node, [root], keys).close()
    assert reads == [root.key]
    os.utime(root.key)
    open_ssh(server.node, [root], keys).close()
    assert reads == [root.key] * 2


def noting(read: Callable[[Path], paramiko.PKey], reads: list[Path]) -> Callable[[Path], paramiko.PKey]:
    def noted(path: Path) -> paramiko.PKey:
        reads.append(path)
        return read(path)

    return noted


def test_a_refusal_names_every_login_and_why(server: Server, root: Login, keys: HostKeys, tmp_path: Path) -> None:
    assert root.key
    loose = tmp_path / "loose"
    loose.write_bytes(root.key.read_bytes())
    loose.chmod(0o644)
    logins = [
        Login("a", key=tmp_path / "absent"),
        Login("root", key=make_key(tmp_path / "other")),
        Login("root", key=loose),
    ]
    with pytest.raises(LoginRefused) as refused:
        open_ssh(server.node, logins, keys)
    for reason in ("atlas01: no login works", "absent: no such key file", "other: refused", "loose: others can read"):
        assert reason in str(refused.value)


def test_a_host_key_is_pinned_on_first_contact_and_kept(server: Server, root: Login, keys: HostKeys) -> None:
    open_ssh(server.node, [root], keys).close()
    pinned = keys.path.read_text()
    open_ssh(server.node, [root], keys).close()
    assert keys.path.read_text() == pinned
    assert pinned.startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")
    shown = subprocess.run(
        ["ssh-keygen", "-lf", server.folder / "host.pub"], capture_output=True, text=True, check=True
    )
    assert [pin.key.fingerprint for pin in keys.pins(server.node)] == [shown.stdout.split()[1]]


def test_openssh_reads_the_pinned_file(server: Server, root: Login, keys: HostKeys) -> None:
    open_ssh(server.node, [root], keys).close()
    options = [f"-oUserKnownHostsFile={keys.path}", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes", "-F", "none"]
    command = ["ssh", *options, "-i", str(root.key), "-p", str(server.port), "root@127.0.0.1", "echo in"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "in\n"


def test_a_host_is_held_to_the_type_of_its_pinned_key(server: Server, root: Login, keys: HostKeys) -> None:
    kind, blob = (server.folder / "host_rsa.pub").read_text().split()[:2]
    keys.path.parent.mkdir()
    keys.path.write_text(f"[127.0.0.1]:{server.port} {kind} {blob}\n")
    open_ssh(server.node, [root], keys).close()
    assert len(keys.pins(server.node)) == 1


def test_a_host_without_the_pinned_type_is_changed(server: Server, root: Login, keys: HostKeys, tmp_path: Path) -> None:
    kind, blob = make_key(tmp_path / "ecdsa", "ecdsa").with_suffix(".pub").read_text().split()[:2]
    keys.path.parent.mkdir()
    keys.path.write_text(f"[127.0.0.1]:{server.port} {kind} {blob}\n")
    with pytest.raises(HostKeyChanged, match=r"has no key of that type any more, pinned is ecdsa\S+ SHA256:"):
        open_ssh(server.node, [root], keys)


@pytest.mark.parametrize(
    ("setting", "fix"),
    [
        ("KexAlgorithms curve25519-sha256", r"add one of .*curve25519-sha256@libssh\.org, .* to KexAlgorithms in"),
        ("Ciphers chacha20-poly1305@openssh.com", r"add one of aes128-ctr, .* to Ciphers in"),
        ("MACs umac-128@openssh.com", r"add one of hmac-sha2-256, .* to MACs in"),
        ("HostKeyAlgorithms ssh-rsa", r"add one of ssh-ed25519, .* to HostKeyAlgorithms in"),
    ],
)
def test_an_sshd_with_nothing_in_common_is_told_with_what_it_offers(
    server: Server, root: Login, keys: HostKeys, tmp_path: Path, setting: str, fix: str
) -> None:
    keyword, only = setting.split()
    other = Server(tmp_path, server.folder / "host", server.folder / "host_rsa", settings=[setting])
    with pytest.raises(Unreachable, match=rf"its sshd offers only {re.escape(only)}\S* as {keyword}; {fix}"):
        open_ssh(other.node, [root], keys)
    other.stop()


def test_a_connection_cut_in_a_read_is_opened_again(root: Login, keys: HostKeys, proxy: Proxy, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    connection = open_ssh(node_at(proxy.port), [root], keys)
    with when_exists(seen, proxy.cut):
        command = f"if test -e {seen}; then echo second; else touch {seen}; head -c 90000 /dev/zero; sleep 5; fi"
        assert connection.ask([command])[0].text == "second\n"
    connection.close()


def test_a_connection_cut_in_a_change_is_told(root: Login, keys: HostKeys, proxy: Proxy, tmp_path: Path) -> None:
    counter, go_on = tmp_path / "counter", tmp_path / "go-on"
    connection = open_ssh(node_at(proxy.port), [root], keys)
    command = f"echo x >>{counter}; until test -e {go_on}; do sleep 0.1; done; echo end >>{counter}"
    with when_exists(counter, proxy.cut), pytest.raises(LinkLost, match="sent once, not again"):
        connection.send(command, token="join-3", deadline=30)
    assert connection.still_running("join-3")
    go_on.touch()
    while connection.still_running("join-3"):
        time.sleep(0.05)
    assert counter.read_text() == "x\nend\n"
    connection.close()


def test_a_silent_network_ends_a_read_and_a_change(
    root: Login, keys: HostKeys, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GRACE", 0.1)
    monkeypatch.setattr(agent, "KILL_AFTER", 0.05)
    reader, changer = (open_ssh(node_at(proxy.port), [root], keys) for _ in range(2))
    proxy.flowing.clear()
    with pytest.raises(CommandTimedOut, match=r"atlas01: no answer within 0\.4 s to: uptime"):
        reader.ask(["uptime"], deadline=0.2)
    with pytest.raises(LinkLost, match=r"no answer within 0\.4 s to: reboot-like"):
        changer.send("reboot-like", token="t", deadline=0.2)


def test_a_host_that_does_not_read_ends_a_change(
    server: Server, root: Login, keys: HostKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = open_ssh(server.node, [root], keys)
    pid = int(connection.ask(["echo $PPID #"])[0].text)  # the agent, which sshd's keepalives do not pass through
    monkeypatch.setattr(outbox, "GRACE", 0.3)
    monkeypatch.setattr(outbox, "SLOWEST", 1 << 30)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(LinkLost, match=r"the host does not read what it is sent.*sent once, not again"):
        connection.send("cat", token="t", stdin=bytes(16 << 20), deadline=5)
    os.kill(pid, signal.SIGKILL)


def test_a_host_that_comes_back_is_connected_anew(server: Server, root: Login, keys: HostKeys, proxy: Proxy) -> None:
    connection = open_ssh(node_at(proxy.port), [root], keys)
    proxy.stop()
    with pytest.raises(
        Unreachable, match=r"atlas01: unreachable at 127\.0\.0\.1:\d+: cannot connect: Connection refused"
    ):
        connection.ask(["true"])
    proxy.listener = socket.create_server(("127.0.0.1", proxy.port))
    threading.Thread(target=proxy._accept, args=(server.port,), daemon=True).start()
    connection.renew()
    assert connection.ask(["echo back"])[0].text == "back\n"
    connection.close()


def test_many_hosts_at_once_pin_one_key_each(server: Server, root: Login, keys: HostKeys) -> None:
    nodes = [replace(server.node, name=f"n{i}") for i in range(12)]
    with ThreadPoolExecutor(12) as pool:
        connections = list(pool.map(lambda node: open_ssh(node, [root], HostKeys(keys.path)), nodes))
    assert [c.ask(["echo ok"])[0].text for c in connections] == ["ok\n"] * 12
    pinned = [line.split()[-1] for line in keys.path.read_text().splitlines() if not line.startswith("#")]
    assert sorted(pinned) == sorted(node.name for node in nodes)
    for connection in connections:
        connection.close()


@contextmanager
def when_exists(path: Path, act: object) -> Iterator[None]:
    def watch() -> None:
        until = time.monotonic() + 8
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.01)
        act()  # type: ignore[operator]

    threading.Thread(target=watch, daemon=True).start()
    yield


def test_a_silent_connection_costs_nothing(
    server: Server, root: Login, keys: HostKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    monkeypatch.setattr(paramiko.packet.Packetizer, "_check_keepalive", looks.append)
    connection = open_ssh(node_at(server.port), [root], keys)
    connection.ask(["true"])
    looks.clear()
    time.sleep(1.0)
    assert len(looks) <= 1
    connection.close()


def test_the_thread_of_a_closed_connection_ends_at_once(server: Server, root: Login, keys: HostKeys) -> None:
    before = set(threading.enumerate())
    connection = open_ssh(node_at(server.port), [root], keys)
    connection.ask(["true"])
    connection.close()
    eventually(lambda: set(threading.enumerate()) <= before, LOOKS_EVERY / 2)


def test_the_host_connects_to_others_for_us(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    with connection.tunnel("127.0.0.1", server.port, 5.0) as through, through.makefile("rb") as stream:
        assert stream.readline().startswith(b"SSH-2.0-OpenSSH")
    assert connection.ask(["true"])[0].rc == 0
    connection.close()


def test_a_tunnel_carries_much_and_ends_when_the_other_side_ends(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        through = connection.tunnel("127.0.0.1", listener.getsockname()[1], 5.0)
        far, _ = listener.accept()
    threading.Thread(target=lambda: (far.sendall(bytes(5_000_000)), far.close()), daemon=True).start()
    through.settimeout(10.0)
    with through, through.makefile("rb") as stream:
        assert len(stream.read()) == 5_000_000
    connection.close()


def test_a_closed_tunnel_is_closed_on_the_far_side(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        through = connection.tunnel("127.0.0.1", listener.getsockname()[1], 5.0)
        far, _ = listener.accept()
        far.settimeout(10.0)
        through.close()
        assert far.recv(1) == b""
    connection.close()


def test_a_port_that_is_closed_on_the_far_side_is_an_error(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    with pytest.raises(OSError, match="the host cannot connect either"):
        connection.tunnel("127.0.0.1", free_port(), 5.0)
    assert connection.ask(["true"])[0].rc == 0
    connection.close()


def test_clocks_are_compared_with_their_error_bound(server: Server, root: Login, keys: HostKeys) -> None:
    connection = open_ssh(server.node, [root], keys)
    offset, bound = map(float, connection.clock().text.split())
    assert abs(offset) <= bound < 1.0
    connection.close()


def test_a_link_that_is_cut_keeps_the_lease_until_the_change_has_ended(
    server: Server, root: Login, keys: HostKeys, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATH", str(tmp_path / "lock"))
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    ours = open_ssh(node_at(proxy.port), [root], keys, admit=partial(lease.take, run="install from ctl1"))
    with when_exists(begun, proxy.cut), pytest.raises(LinkLost):
        ours.send(f"touch {begun}; until test -e {go_on}; do sleep 0.1; done", token="init", deadline=30)
    admit = partial(lease.take, run="install from ctl2")
    with pytest.raises(HeldByAnotherRun, match="atlas01: this cluster is being changed by install from ctl1"):
        open_ssh(server.node, [root], keys, admit=admit)
    go_on.touch()
    eventually(lambda: opens(lambda: open_ssh(server.node, [root], keys, admit=admit)))


def opens(connect: Callable[[], Connection]) -> bool:
    try:
        connect().close()
    except HeldByAnotherRun:
        return False
    return True
