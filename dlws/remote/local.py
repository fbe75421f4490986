"""The control host: the same agent, as a child process of the operator's.

It runs as the operator, not as root: whatever a stage makes here is the operator's own, and nothing here needs root.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from dlws.record.ownership import user
from dlws.remote.connection import SessionConnection
from dlws.remote.session import AgentSession, Link, Session, first_to_start
from dlws.remote.shell import ShellSession

CONTROL = "control"  # the control host's name wherever a host is named

# Commands get only these of our environment variables: others may hold a password, and PYTHONPATH would change their
# Python.
_KEPT = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|(http|https|ftp|no|all)_proxy", re.IGNORECASE)


class ProcessLink:
    """A local program with one socket for its stdin and stdout. Shutting the socket down wakes a waiting reader."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)},
            )

    def write(self, data: bytes) -> None:
        """Send all of it; OSError when the program is gone."""
        self._socket.sendall(data)

    def read(self) -> bytes:
        """The next bytes, b"" at the end."""
        return self._socket.recv(1 << 16)

    def abort(self) -> None:
        """Close the socket for both sides; the agent then kills its reads, and exits after its last change."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._process.poll()

    def close(self) -> None:
        """Close the socket, and kill a program that may not notice."""
        self.abort()
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def complaint(self) -> str:
        """The text on stderr and its exit status."""
        stderr = self._process.stderr
        if stderr is None:
            raise LookupError("the program was started without a pipe for its errors")
        try:
            code = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return ""
        os.set_blocking(stderr.fileno(), False)  # a child of the program may have it open still
        text = (stderr.read(4000) or b"").decode("utf-8", "backslashreplace").strip()
        return "; ".join(filter(None, [text, f"exit status {code}"]))


def open_process(host: str, prefix: Sequence[str] = (), python: str = "python3") -> SessionConnection:
    """A connection to the machine we run on, or to the one that `prefix` (the start of an argv) enters.

    Commands run as the user that we are, or the one that `prefix` changes to.
    """

    def link(command: str) -> Link:
        return ProcessLink([*prefix, "/bin/sh", "-c", command])

    def start() -> tuple[str, Session]:
        helper = first_to_start(lambda: AgentSession(host, link, python=python), lambda: ShellSession(host, link))
        return user(), helper

    return SessionConnection(host, start)


def open_local(name: str = CONTROL) -> SessionConnection:
    """A connection to the control host itself. Raises Unreachable."""
    return open_process(name, python=shlex.quote(sys.executable)).connect()
