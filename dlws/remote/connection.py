"""A connection to one host: ask it (reads), or send it one change, at most once."""

from __future__ import annotations

import math
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from dlws.record.answer import Answer, CommandTimedOut, LinkLost, Unreachable
from dlws.remote.outbox import Stdin
from dlws.remote.session import CommandRequest, Session
from dlws.verdict import Unknown

CAP = 1 << 20  # bytes kept of each of stdout and stderr
TOTAL = 1 << 26  # bytes of answers taken from one host: a minute of redaction. An audit has less than one MiB
CLOCK = "date +%s.%N, against the clock of the control host"  # the name under which `clock` is recorded
READ_CLOCK = "date +%s.%N"
CLOCK_READINGS = 3
CONNECT = "connect"  # the name under which a failed connection is recorded
CLOCK_DEADLINE = 10.0  # seconds
LONGEST_COMMAND = 120_000  # bytes; Linux allows 131,072 in one argument. Anything longer belongs on stdin.

_E = TypeVar("_E", bound=Unknown)


class Connection(ABC):
    """The interface to one host. Commands run under `/bin/sh -c`, without a terminal, as root.

    On the control host they run as the operator (`dlws.remote.local`).
    """

    host: str
    user: str

    @abstractmethod
    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """Run commands that only read, in parallel and in one round trip; returns their answers in the same order.

        `deadline` (s) applies to each command from its start on the host, `cap` (bytes) to each of stdout and stderr.
        May reconnect and ask once more. Raises LinkLost, CommandTimedOut, Unreachable.
        """

    def ask_secret(self, command: str, *, deadline: float = 30.0) -> Answer:
        """Like `ask`, for one command that prints a secret: its output is not recorded."""
        return self.ask([command], deadline=deadline)[0]

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        """Run one command of an active check, which may leave a trace on the host; never ahead of time or from a cache.

        Passes a secret on stdin; only the command is recorded. It is sent at most once, and stopped with the link:
        TERM, and KILL two seconds later, so that it can clean up. Raises LinkLost, Unreachable, and Unknown if this
        connection cannot pass stdin to a command that reads.
        """
        if stdin:
            raise Unknown(f"{self.host}: this connection feeds nothing to: {command}")
        return self.ask([command], deadline=deadline)[0]

    def serve(self, command: str, *, stdin: bytes, deadline: float) -> Answer:
        """Run a program that serves others as long as the link lasts; returns only if it has ended by itself.

        It is recorded as it begins. Raises LinkLost with the link, and as `run_active`.
        """
        return self.run_active(command, stdin=stdin, deadline=deadline)

    @abstractmethod
    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """Run one command that changes something. It is sent at most once.

        If the link is lost after that, LinkLost is raised: use `still_running(token)` and read the host to find out
        what happened, never a second `send`. The command outlives the link until its `deadline` (s); an Answer with
        `timed_out` was stopped. It is started when all of its stdin is on the host.
        """

    @abstractmethod
    def renew(self) -> None:
        """Drop the link and any remembered failure; the next use connects again (after a reboot)."""

    def restore(self) -> None:  # noqa: B027  a connection without a link has none to lose
        """Connect again if the link is gone. Raises Unreachable, HeldByAnotherRun."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def tunnel(self, address: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection from the host to `address:port`, as a socket here. `timeout` in seconds.

        Raises OSError as connect(2) would on the host, Unreachable when the host itself cannot be reached.
        """
        raise OSError(f"{self.host}: this connection carries no others")

    def clock(self) -> Answer:
        """How far the host's clock is ahead of ours: the text is `OFFSET BOUND`, in seconds, `0.000120 0.000800`.

        The true offset is within BOUND of OFFSET; BOUND is half the round trip of the fastest of three readings. The
        answer of a command that fails is returned as it is.
        """
        best = (0.0, math.inf)
        for _ in range(CLOCK_READINGS):
            before = time.time()
            answer = self.ask([READ_CLOCK], deadline=CLOCK_DEADLINE)[0]
            after = time.time()
            if answer.rc != 0:
                return answer
            if not re.fullmatch(rb"[0-9]{1,19}\.[0-9]{9}\s*", answer.out):
                raise Unknown(f"{self.host}: {READ_CLOCK}: not understood: {answer.text[:80]!r}")
            bound = (after - before) / 2
            if bound < 0:
                raise Unknown(f"{self.host}: our own clock was set back while it was compared")
            if bound < best[1]:
                best = float(answer.out) - (before + after) / 2, bound
        return Answer(CLOCK, 0, b"%.6f %.6f" % best, b"", 2 * best[1])

    def redact(self, text: str) -> str:
        """The text with its secrets masked, for a message."""
        return text

    def withhold(self, secret: str) -> None:  # noqa: B027  nothing is recorded here
        """From now on, mask a secret that was made just now in all that this process records and says."""

    def still_running(self, token: str) -> bool:
        """Whether the command sent with this token, or a child that inherited it, still runs on the host.

        Looked up in /proc/*/environ, so it also works for a command sent over a link that is gone.
        """
        check_token(token)
        search = f"cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -cxF 'DLWS_ACTION={token}'"
        answer = self.ask([search])[0]
        if answer.timed_out or answer.rc not in (0, 1) or not answer.out.strip().isdigit():
            raise Unknown(f"{self.host}: cannot tell whether action {token} still runs: {answer.error_text.strip()}")
        return int(answer.out) > 0


class SessionConnection(Connection):
    """A Connection over sessions that `open_session` opens, one at a time, on first use and after a loss."""

    def __init__(
        self,
        host: str,
        open_session: Callable[[], tuple[str, Session]],
        redact: Callable[[str], str] = str,
        tunnel: Callable[[str, int, float], socket.socket] | None = None,
        admit: Callable[[Session], None] | None = None,
    ) -> None:
        """`open_session` returns the login's user and a session; it raises Unreachable. `redact` masks secrets.

        `tunnel` opens a TCP connection over the SSH connection of the newest session. `admit` raises Unreachable for a
        new session that this run may not use (`dlws.remote.lease`).
        """
        self._admit = admit
        self._tunnel = tunnel
        self.host = host
        self.user = ""
        self._open = open_session
        self._redact = redact
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._refused: tuple[float, Unreachable] | None = None
        """When (time.monotonic) the last attempt to open a session failed, and how."""
        self._taken = 0

    def connect(self) -> SessionConnection:
        """Connect now; raises Unreachable."""
        self._live_session()
        return self

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """See `Connection.ask`."""
        return self._run([CommandRequest(check_command(c), deadline, cap) for c in commands])

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        """See `Connection.run_active`."""
        try:
            return self._once(CommandRequest(check_command(command), deadline, CAP, stdin=stdin))
        except (LinkLost, CommandTimedOut) as error:
            raise self._named(type(error)(f"{error} (sent once, not again)")) from None

    def _run(self, requests: list[CommandRequest]) -> list[Answer]:
        if not requests:
            return []
        try:
            try:
                return self._answers(self._live_session(), requests)
            except LinkLost:
                return self._answers(self._live_session(), requests)
        except (LinkLost, CommandTimedOut) as error:
            raise self._named(error) from None

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """See `Connection.send`."""
        try:
            return self._once(CommandRequest(check_command(command), deadline, CAP, check_token(token), stdin))
        except (LinkLost, CommandTimedOut) as error:
            raise self._named(LinkLost(f"{error} (sent once, not again; token {token})")) from None

    def _once(self, request: CommandRequest) -> Answer:
        session = self._live_session()  # may connect: nothing of the request has been sent yet
        return self._answers(session, [request])[0]

    def tunnel(self, address: str, port: int, timeout: float) -> socket.socket:
        """See `Connection.tunnel`."""
        if self._tunnel is None:
            return super().tunnel(address, port, timeout)
        self._live_session()
        return self._tunnel(address, port, timeout)

    def redact(self, text: str) -> str:
        """See `Connection.redact`."""
        return self._redact(text)

    def renew(self) -> None:
        """See `Connection.renew`."""
        self.close()

    def restore(self) -> None:
        """See `Connection.restore`."""
        self._live_session()

    def close(self) -> None:
        """See `Connection.close`."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _answers(self, session: Session, requests: list[CommandRequest]) -> list[Answer]:
        answers = session.run(requests)
        self._taken += sum(len(answer.out) + len(answer.err) for answer in answers)
        return answers

    def _live_session(self) -> Session:
        """The session, opened first if there is none or its link is gone. Unreachable if it has printed too much.

        One thread opens it for all that wait meanwhile, and if that fails it has failed for all of them.
        """
        since = time.monotonic()
        if self._taken > TOTAL:
            much = f"has printed {self._taken >> 20} MiB in this run, more than {TOTAL >> 20}: it is asked nothing more"
            raise Unreachable(f"{self.host}: {much}")
        with self._lock:
            if self._session is None or self._session.lost is not None:
                if self._session is not None:
                    self._session.close()
                    self._session = None
                if self._refused is not None and self._refused[0] > since:
                    raise self._refused[1].again()
                try:
                    self.user, self._session = self._admitted()
                except Unreachable as error:
                    self._refused = time.monotonic(), self._named(error)
                    raise self._refused[1] from None
            return self._session

    def _admitted(self) -> tuple[str, Session]:
        user, session = self._open()
        try:
            if self._admit is not None:
                self._admit(session)
        except BaseException:
            session.close()
            raise
        return user, session

    def _named(self, error: _E) -> _E:
        text = self._redact(str(error))
        return type(error)(text if text.startswith(self.host) else f"{self.host}: {_short(text)}")


def check_command(command: str) -> str:
    """The command itself; ValueError if a shell could not run it."""
    if "\0" in command:
        raise ValueError("a command cannot hold a NUL byte")
    if len(command.encode()) > LONGEST_COMMAND:
        raise ValueError(f"a command of {len(command)} characters is too long: pass data on stdin")
    return command


def check_token(token: str) -> str:
    """The token itself; ValueError unless it is plain letters, digits and `._:@-`."""
    if not re.fullmatch(r"[A-Za-z0-9._:@-]{1,200}", token):
        raise ValueError(f"not a token: {token!r}")
    return token


def _short(text: str) -> str:
    return text if len(text) <= 600 else f"{text[:500]} ... ({len(text)} characters)"
