"""A testinfra backend over a Connection: testinfra's modules work on it, and an unknown is never taken for a result."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from typing import Any

import testinfra.backend
from testinfra.backend.base import BaseBackend, CommandResult

from dlws.record.answer import Answer, CommandTimedOut, OutputTruncated
from dlws.remote.connection import Connection

DEADLINE = 30.0  # seconds for one command of a check


class _MadeBy(threading.local):
    """How a thread's commands are made: several stages may use one host at the same time, as the master."""

    def __init__(self) -> None:
        self.function: Callable[..., str] | None = None


class Backend(BaseBackend):  # type: ignore[misc]
    """`testinfra.get_host("dlws://atlas01", over=connection)`."""

    NAME = "dlws"

    def __init__(self, hostspec: str, *args: Any, over: Connection, deadline: float = DEADLINE, **kwargs: Any) -> None:
        """`over` is the connection; its commands already run as root."""
        kwargs.pop("connection", None)  # testinfra passes the backend's own name under this key
        self._made_by = _MadeBy()
        super().__init__(hostspec, *args, **kwargs)
        self.over = over
        self._deadline = deadline

    @property
    def get_command(self) -> Callable[..., str]:
        """Makes the text of a command. `with host.sudo("mysql"):` sets another one, here for its own thread alone."""
        return self._made_by.function or super().get_command

    @get_command.setter
    def get_command(self, function: Callable[..., str]) -> None:
        self._made_by.function = function

    def run(self, command: str, *args: str, deadline: float | None = None, **_: Any) -> CommandResult:
        """Run a command; rc, out and err as in testinfra. `deadline` is in seconds.

        Raises CommandTimedOut, OutputTruncated, LinkLost or Unreachable instead of returning an incomplete result.
        """
        text = self.get_command(command, *args)
        limit = self._deadline if deadline is None else deadline
        answer = self.over.ask([text], deadline=limit)[0]
        require_complete(answer, self.over, limit)
        return CommandResult(self, answer.rc, answer.command.encode(), answer.out, answer.err)

    def get_encoding(self) -> str:
        """Commands run under C.UTF-8."""
        return "utf-8"

    def decode(self, data: bytes) -> str:
        r"""As UTF-8; other bytes appear as `\xNN`, so that a file name in GBK does not raise."""
        return data.decode("utf-8", "backslashreplace")

    def encode(self, data: str) -> bytes:
        """As UTF-8."""
        return data.encode("utf-8", "surrogateescape")


def require_complete(answer: Answer, connection: Connection, deadline: float) -> None:
    """Raises CommandTimedOut if the command was stopped, OutputTruncated if its output was cut off at the cap."""
    if answer.timed_out or answer.rc is None:
        raise CommandTimedOut(connection.redact(f"{connection.host}: stopped after {deadline:g} s: {answer.command}"))
    if answer.truncated:
        kept = max(len(answer.out), len(answer.err))
        text = f"{connection.host}: output cut off after {kept} bytes: {answer.command}"
        raise OutputTruncated(connection.redact(text))


def quoted(command: str, *args: object) -> str:
    """The command with each `%s` replaced by a shell-quoted argument; with arguments `%%` is a percent sign.

    >>> quoted("stat -c %%a %s", "/a b")
    "stat -c %a '/a b'"
    """
    return command % tuple(shlex.quote(str(arg)) for arg in args) if args else command


testinfra.backend.BACKENDS[Backend.NAME] = f"{Backend.__module__}.{Backend.__qualname__}"
