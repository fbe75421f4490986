"""The benchmark's hosts: one sshd that listens on every address of 127.0.0.0/8.

It runs in a mount namespace of its own, where /etc/passwd has one user more: an admin with the shell /bin/sh, an empty
home and sudo without a password, who logs in with a key of our own from 127.0.0.0/8 alone. Nothing on this machine is
changed, and no start-up file of it counts.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Usage, children, usage_of
from benchmarks.working_folder import free_port

USER = "dlwsadmin"
UID = 61917
TOOLS = ("sshd", "sudo", "unshare")
BOUND = ("passwd", "shadow", "group", "sudoers")
CONFIG = """\
Port {port}
ListenAddress 0.0.0.0
AllowUsers {user}@127.0.0.0/8
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 1000
LogLevel ERROR
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
"""


class Server:
    """The sshd, which can be started and stopped repeatedly; its keys are created once."""

    def __init__(self, folder: Path) -> None:
        """Create keys, user and configuration in `folder`. Raises OSError if a tool is missing."""
        path = os.defpath + ":/usr/sbin:/sbin"
        paths = {tool: shutil.which(tool, path=path) for tool in TOOLS}
        if missing := [tool for tool, place in paths.items() if place is None]:
            raise OSError(f"not installed: {', '.join(missing)}; apt-get install openssh-server sudo util-linux")
        self._sshd = str(paths["sshd"])
        self.folder, self.user_key, self.port = folder, folder / "user_key", free_port()
        home = folder / "home"
        home.mkdir()
        os.chown(home, UID, UID)
        for name, line, mode in (
            ("passwd", f"{USER}:x:{UID}:{UID}::{home}:/bin/sh", 0o644),
            ("shadow", f"{USER}:*:20000:0:99999:7:::", Path("/etc/shadow").stat().st_mode & 0o777),
            ("group", f"{USER}:x:{UID}:", 0o644),
            ("sudoers", f"{USER} ALL=(ALL) NOPASSWD: ALL", 0o440),
        ):
            copy = folder / name
            copy.touch(0o600)  # the copy of shadow must never be readable by others
            copy.write_text(Path("/etc", name).read_text() + line + "\n")
            copy.chmod(mode)
            os.chown(copy, 0, Path("/etc", name).stat().st_gid)
        Path("/run/sshd").mkdir(exist_ok=True)
        for key in (folder / "host_key", self.user_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        (folder / "sshd_config").write_text(CONFIG.format(port=self.port, folder=folder, user=USER))

    @property
    def host_key(self) -> str:
        """The public host key, in the format of known_hosts."""
        return (self.folder / "host_key.pub").read_text().strip()

    def start(self) -> int:
        """Start sshd, wait until it listens and return its pid. Raises TimeoutError with its log."""
        log = self.folder / "sshd.log"
        with log.open("w") as out:
            binds = "".join(f"mount --bind {self.folder}/{name} /etc/{name} && " for name in BOUND)
            script = f"{binds} exec {self._sshd} -D -e -f {self.folder}/sshd_config"
            command = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script]
            # As subreaper it inherits helpers that outlive their session, so their work counts as the hosts'.
            self.process = subprocess.Popen(
                command, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=measure.adopt_orphans
            )
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self.process.pid
            time.sleep(0.02)
        raise TimeoutError(f"sshd does not start: {log.read_text()}")

    def stop(self) -> Usage:
        """Let the sessions end, then stop sshd; returns the usage of both."""
        until = time.monotonic() + 5
        while children(self.process.pid) and time.monotonic() < until:
            time.sleep(0.02)
        self.process.terminate()
        usage = usage_of(self.process.pid)
        self.process.returncode = usage.status
        return usage
