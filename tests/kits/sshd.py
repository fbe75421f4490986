"""A real sshd on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dlws.inventory import Arch, Device, Node, Origin, Role

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


class Server:
    """One sshd on 127.0.0.1 with keys of its own; root may log in with the user key."""

    def __init__(
        self, folder: Path, *host_keys: Path, settings: Sequence[str] = (), prefix: Sequence[str] = ()
    ) -> None:
        """`settings` are lines of its configuration that go before the usual ones, `prefix` the start of its argv."""
        self.folder, self.user_key = folder, folder / "user"
        self.port = free_port()
        config = [
            *settings,
            *(f"HostKey {key}" for key in host_keys),
            f"AuthorizedKeysFile {folder}/user.pub",
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin yes",
            "SetEnv SHLVL=2",  # bash then leaves root's ~/.bashrc alone
        ]
        (folder / "sshd_config").write_text("\n".join(config) + "\n")
        assert SSHD
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # which Debian's unit makes, and no boot has yet
        self.process = subprocess.Popen(
            [*prefix, SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=(folder / "log").open("w")
        )
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise AssertionError(f"sshd does not start: {(folder / 'log').read_text()}")

    @property
    def node(self) -> Node:
        return node_at(self.port)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def node_at(port: int) -> Node:
    row = Node("atlas01", "127.0.0.1", "lab", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
    return replace(row, ssh_port=port)


def make_key(path: Path, kind: str = "ed25519") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
    return path
