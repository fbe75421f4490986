"""The hosts: one sshd of our own that answers on every address of 127.0.0.0/8.

Root logs in, by a key of our own, from 127.0.0.0/8 alone. HOME is an empty folder, so that no shell start-up file of
this machine counts and nothing is left behind in it; the shell is root's own.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.measure import Usage, children, usage_of

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")
CONFIG = """\
Port {port}
ListenAddress 0.0.0.0
AllowUsers root@127.0.0.0/8
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
SetEnv HOME={folder}/home
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 1000
LogLevel ERROR
Subsystem sftp internal-sftp
"""


class Server:
    """The sshd, from `start` to `stop`; with keys that are made once."""

    def __init__(self, folder: Path) -> None:
        """Make the keys and the configuration in `folder`. OSError where sshd is not installed."""
        if SSHD is None:
            raise OSError("no sshd here; apt-get install openssh-server")
        self.folder, self.user_key, self.port = folder, folder / "user_key", _free_port()
        (folder / "home").mkdir()
        Path("/run/sshd").mkdir(exist_ok=True)
        for key in (folder / "host_key", self.user_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        (folder / "sshd_config").write_text(CONFIG.format(port=self.port, folder=folder))

    @property
    def host_key(self) -> str:
        """The public host key, as known_hosts wants it."""
        return (self.folder / "host_key.pub").read_text().strip()

    def start(self) -> int:
        """Start it and wait until it listens; its pid. TimeoutError with what it said otherwise."""
        assert SSHD
        log = self.folder / "sshd.log"
        with log.open("w") as out:
            command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
            self.process = subprocess.Popen(command, stderr=out, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self.process.pid
            time.sleep(0.02)
        raise TimeoutError(f"sshd does not start: {log.read_text()}")

    def stop(self) -> Usage:
        """Let the sessions end, then stop it; what it and its sessions used."""
        until = time.monotonic() + 5
        while children(self.process.pid) and time.monotonic() < until:
            time.sleep(0.02)
        self.process.terminate()
        usage = usage_of(self.process.pid)
        self.process.returncode = usage.status
        return usage


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
