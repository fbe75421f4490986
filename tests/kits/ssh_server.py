"""SSH servers in this process, for one password or key, whose behaviour a test decides."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED, cMSG_CHANNEL_SUCCESS
from paramiko.server import InteractiveQuery

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.remote.hostkeys import HostKey
from dlws.remote.ssh import Login, Secret

Behaviour = Callable[[socket.socket], None]
ROOT = Login("root", password=Secret("right horse"))
SERVER_KEY = paramiko.ECDSAKey.generate()
HOST_KEY = HostKey(SERVER_KEY.get_name(), SERVER_KEY.asbytes())


class Server:
    """Listens on an address of this machine's own and treats every connection as `behave` does."""

    def __init__(self, behave: Behaviour, at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.listener = socket.create_server(at)
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, args=(behave,), daemon=True).start()
        self.node = node_at(self.listener.getsockname()[1])

    def _accept(self, behave: Behaviour) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.accepted.append(connection)
                threading.Thread(target=behave, args=(connection,), daemon=True).start()


class Transport(paramiko.Transport):
    """Starts a program once the client has been told that it starts, as sshd does: one that ends at once would else
    close its channel before that."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.starting: list[threading.Thread] = []

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        if data.asbytes()[:1] == cMSG_CHANNEL_SUCCESS:
            while self.starting:
                self.starting.pop().start()


class Ssh(paramiko.ServerInterface):
    """An SSH server for one password, whose `execute` does something with a command's channel."""

    tried: list[str]

    def __init__(self, execute: Callable[[paramiko.Channel, bytes], None], key: paramiko.PKey | None = None) -> None:
        self.execute, self.key, self.tried = execute, key or SERVER_KEY, []
        self.kinds, self.takes_keys = "password", True

    def __call__(self, connection: socket.socket) -> None:
        transport = Transport(connection)
        transport.add_server_key(self.key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=self)
            transport.join()

    def get_allowed_auths(self, username: str) -> str:
        return self.kinds

    def check_auth_password(self, username: str, password: str) -> int:
        self.tried.append(f"{username}:{password}")
        return AUTH_SUCCESSFUL if password == "right horse" else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.tried.append(f"{username} key")
        return AUTH_SUCCESSFUL if self.takes_keys else AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery | int:
        return InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return self.check_auth_password("interactive", responses[0])

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        program = threading.Thread(target=self.execute, args=(channel, command), daemon=True)
        transport = channel.get_transport()
        assert isinstance(transport, Transport)
        transport.starting.append(program)
        return True


def node_at(port: int) -> Node:
    row = Node("atlas01", "127.0.0.1", "lab", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
    return replace(row, ssh_port=port)


def run_for_real(
    channel: paramiko.Channel, command: bytes, before: bytes = b"", env: dict[str, str] | None = None
) -> None:
    """What sshd does: a shell with the channel as its stdin, stdout and stderr."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, env=env
    )
    theirs.close()
    channel.sendall(before)

    def feed() -> None:
        with suppress(OSError):
            while data := channel.recv(65536):
                ours.sendall(data)
            ours.shutdown(socket.SHUT_WR)

    threading.Thread(target=feed, daemon=True).start()
    with suppress(OSError):
        while data := ours.recv(65536):
            channel.sendall(data)
    with suppress(OSError):
        assert process.stderr
        channel.sendall_stderr(process.stderr.read())
        channel.send_exit_status(process.wait())
        channel.close()


WORKS = 'test "$1 $2" = "-n -H" || exit 9; shift 2; exec "$@"'


def user_key(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def with_sudo(folder: Path, body: str) -> dict[str, str]:
    (folder / "sudo").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "sudo").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}
