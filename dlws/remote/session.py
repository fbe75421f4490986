"""A session is one running helper on one host: the agent, or the shell where there is no Python (`dlws.remote.shell`).

A `Link` carries its bytes. Frames start after a random nonce, so that no output of the login is taken for an answer.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlws.record.answer import Answer, CommandTimedOut, LinkLost, Unreachable
from dlws.remote import agent
from dlws.remote.outbox import GRACE, InputPieces, Outbox, Pace, Stdin
from dlws.remote.watch import Watch

REFUSED = "the host's answer is refused"
NOISE = 1 << 18  # bytes a login may print before the helper speaks


class Link(Protocol):
    """The stdin and stdout of a program on the host."""

    def write(self, data: bytes) -> None:
        """Send all of it; OSError when the link is gone."""

    def read(self) -> bytes:
        """The next bytes, b"" at the end."""

    def abort(self) -> None:
        """Drop the link at once, unsent bytes included. Any number of times, from any thread."""

    def close(self) -> None:
        """End this program alone; what carries the link can carry another. Wakes who reads or writes."""

    def complaint(self) -> str:
        """The program's stderr and how it ended, if it has; used in the message when it does not start."""


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """One command to run. With a `token` it is a change; without one it is a read and is killed with the link.

    `deadline` is in seconds, `cap` in bytes of each of stdout and stderr.
    """

    command: str
    deadline: float
    cap: int
    token: str = ""
    stdin: Stdin = b""


class NotStarted(Unreachable):
    """The helper did not start on the host."""


class Session(Protocol):
    """A helper that runs commands."""

    def run(self, requests: Sequence[CommandRequest]) -> list[Answer]:
        """All answers, in order. Raises LinkLost or CommandTimedOut."""

    @property
    def lost(self) -> str | None:
        """Why the link is gone, or None while it stands."""

    def close(self) -> None:
        """End it."""


def boot(nonce: str, python: str) -> tuple[str, bytes]:
    """The command line that starts the agent, and the bytes that it reads first: the length of its source, its source.

    The source is sent on stdin, so that `ps` on the host shows one short line and no nonce.
    """
    source = Path(agent.__file__).read_bytes() + f'\nmain(b"{nonce}")\n'.encode()
    loader = (
        'import sys;f=open(0,"rb",0,closefd=False);n=int(f.readline());s=b"";'
        'exec("while len(s)<n:s+=f.read(n-len(s)) or sys.exit(95)");exec(s)'
    )
    return f"exec {python} -I -S -E -u -c '{loader}'", b"%d\n" % len(source) + source


def started(link: Link, source: bytes, hello: bytes, patience: float) -> bytes:
    """Send a helper its source, skip the login's output up to its hello, and return the bytes after that.

    NotStarted if no hello arrives within `patience` seconds; then the link is closed, but not what carries it.
    """
    noise = b""
    with Watch(patience, link.close) as silence:
        with contextlib.suppress(OSError):  # a helper that ended at once is explained below
            link.write(source)
        while hello not in noise and len(noise) <= NOISE:
            try:
                data = link.read()
            except OSError:
                data = b""
            if not data:
                late = f" within {patience:g} s" if silence.expired else ""
                text = noise[-400:].decode("utf-8", "backslashreplace").strip()
                said = "; ".join(filter(None, [text, link.complaint()])) or "nothing"
                link.close()
                raise NotStarted(f"the helper did not start{late}; the host said: {said}")
            noise += data
    if hello not in noise:
        link.close()
        raise NotStarted(f"the login printed more than {NOISE} bytes and no helper started")
    return noise.split(hello, 1)[1]


def first_to_start(*makers: Callable[[], Session]) -> Session:
    """The first session that starts, tried in order. NotStarted with every reason if none does."""
    reasons: list[str] = []
    for make in makers:
        try:
            return make()
        except Unreachable as error:
            if not isinstance(error, NotStarted) and not reasons:
                raise
            reasons.append(str(error))
    raise NotStarted("; then: ".join(dict.fromkeys(reasons)))


class _Pending:
    """A batch in progress: the answers so far, and the event that it is over."""

    def __init__(self, requests: Sequence[CommandRequest]) -> None:
        self.requests = requests
        self.answers: list[Answer | None] = [None] * len(requests)
        self.left = len(requests)
        self.over = threading.Event()

    def wait(self, silence: float, heard: Callable[[], float]) -> bool:
        """Wait until it is over; False when the host was `heard` last more than `silence` seconds ago, and at last when
        even commands that all take their full deadlines would be."""
        began = time.monotonic()
        last = began + longest(self.requests)
        while (left := min(max(began, heard()) + silence, last) - time.monotonic()) > 0:
            if self.over.wait(left):
                return True
        return self.over.is_set()


class AgentSession:
    """A session with the agent. Thread-safe: batches of several threads run in parallel."""

    def __init__(
        self, host: str, open_link: Callable[[str], Link], *, patience: float = 20.0, python: str = "python3"
    ) -> None:
        """`patience` (s) is how long the agent may take to say hello. Raises NotStarted."""
        nonce = secrets.token_hex(16)
        command, source = boot(nonce, python)
        self._host = host
        self._link = open_link(command)
        rest = started(self._link, source, agent.HELLO + nonce.encode() + b"\n", patience)
        self._outbox = Outbox(self._link, self._end)
        self._state = threading.Lock()
        self._waiting: dict[int, tuple[_Pending, int]] = {}
        self._number = 0
        self._lost: str | None = None
        self._heard = time.monotonic()
        threading.Thread(target=self._receive, args=(rest,), name=f"answers of {host}", daemon=True).start()

    @property
    def lost(self) -> str | None:
        """Why the link is gone, or None while it stands."""
        return self._lost

    def run(self, requests: Sequence[CommandRequest]) -> list[Answer]:
        """Send all requests and wait for all answers.

        Raises LinkLost, CommandTimedOut; Unknown, with nothing sent, for an input file that cannot be read.
        """
        pending = _Pending(requests)
        with ExitStack() as files:
            inputs = [files.enter_context(InputPieces(request.stdin)) for request in requests]
            numbers = self._numbered(pending)
            began = time.monotonic()
            try:
                self._send(numbers, requests, inputs)
            except OSError as error:
                self._end(f"sending failed: {error}")
        limit = longest_silence(requests)
        if not pending.wait(limit, lambda: self._heard):
            self._end(f"no answer within {limit:.3g} s")
            slow = next(r for r, a in zip(requests, pending.answers, strict=True) if a is None)
            raise CommandTimedOut(f"no answer within {limit:.3g} s to: {slow.command}")
        answers = [answer for answer in pending.answers if answer is not None]
        if len(answers) < len(requests):
            missing = next(r for r, a in zip(requests, pending.answers, strict=True) if a is None)
            waited = time.monotonic() - began
            raise LinkLost(f"link lost after {waited:.1f} s ({self._lost}), waiting for: {missing.command}")
        return answers

    def _numbered(self, pending: _Pending) -> list[int]:
        """A number for each request of a batch, under which its answer is waited for. Raises LinkLost."""
        with self._state:
            if self._lost is not None:
                raise LinkLost(self._lost)
            numbers = []
            for place in range(len(pending.requests)):
                self._number = (self._number + 1) & 0x7FFFFFFF
                self._waiting[self._number] = (pending, place)
                numbers.append(self._number)
        return numbers

    def _send(self, numbers: Sequence[int], requests: Sequence[CommandRequest], inputs: Sequence[InputPieces]) -> None:
        """All requests in one write, then their inputs. Raises OSError when the link is gone or too slow."""
        pace = Pace()
        heads = b"".join(map(_head, numbers, requests, (each.size for each in inputs)))
        self._outbox.write(heads, pace.until(len(heads)))
        for number, pieces in zip(numbers, inputs, strict=True):
            for piece in pieces:
                if number not in self._waiting:
                    break  # answered: the host cannot keep it
                self._outbox.write(_piece(agent.INPUT, number, piece), pace.until(len(piece)))
            if pieces.size:
                self._outbox.write(_piece(agent.DIGEST, number, pieces.digest), pace.until(0))

    def close(self) -> None:
        """Drop the link; reads still running on the host are stopped by the agent."""
        self._end("closed")

    def _receive(self, rest: bytes) -> None:
        received = bytearray(rest)
        try:
            while True:
                while self._take(received):
                    pass
                data = self._link.read()
                if not data:
                    self._end(self._link.complaint() or "closed by the host")
                    return
                received += data
        except OSError as error:
            self._end(str(error) or type(error).__name__)
        except Exception as error:  # a malformed frame: nothing after it can be trusted
            self._end(f"{REFUSED}: {error}")

    def _take(self, received: bytearray) -> bool:
        """Handle one complete frame; False if there is none yet."""
        size = agent.ANSWER.size
        if len(received) < size:
            return False
        number, rc, seconds, flags, out, err = agent.ANSWER.unpack(received[:size])
        if number not in self._waiting:
            raise ValueError("it is to no request")
        pending, place = self._waiting[number]
        check_claims(pending.requests[place], seconds, out, err)
        if len(received) < size + out + err:
            return False
        self._heard = time.monotonic()
        body = bytes(received[size : size + out + err])
        del received[: size + out + err]
        with self._state:
            self._waiting.pop(number)
            if not self._waiting:
                self._waiting.clear()  # gives back the table, which has grown with the largest batch
            pending.answers[place] = Answer(
                command=pending.requests[place].command,
                rc=None if flags & agent.TIMED_OUT else rc,
                out=body[:out],
                err=body[out:],
                seconds=seconds,
                timed_out=bool(flags & agent.TIMED_OUT),
                truncated=bool(flags & agent.TRUNCATED),
            )
            pending.left -= 1
            if not pending.left:
                pending.over.set()
        return True

    def _end(self, why: str) -> None:
        with self._state:
            if self._lost is None:
                self._lost = why
            for pending, _ in self._waiting.values():
                pending.over.set()
            self._waiting.clear()
        self._link.abort()


def check_claims(request: CommandRequest, seconds: float, *lengths: int) -> None:
    """ValueError for an answer of a length or a time that no helper can have sent. Its body is not waited for."""
    if max(lengths) > request.cap:
        raise ValueError(f"it claims {max(lengths)} bytes for a cap of {request.cap}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"it claims {seconds:g} s")


def longest(requests: Sequence[CommandRequest]) -> float:
    """Seconds by which a batch must be answered even if every command takes its full deadline."""
    rounds = math.ceil(len(requests) / agent.PARALLEL)
    return rounds * (longest_silence(requests) - GRACE) + GRACE


def longest_silence(requests: Sequence[CommandRequest]) -> float:
    """Seconds within which some command of a batch must be answered, however many there are."""
    return max(r.deadline for r in requests) + 2 * agent.KILL_AFTER + GRACE


def _head(number: int, request: CommandRequest, size: int) -> bytes:
    parts = request.token.encode(), request.command.encode()
    kind = agent.CHANGE if request.token else agent.READ
    lengths = [len(part) for part in parts]
    return agent.REQUEST.pack(kind, number, request.deadline, request.cap, *lengths, size) + b"".join(parts)


def _piece(kind: int, number: int, data: bytes) -> bytes:
    return agent.PIECE.pack(kind, number, len(data)) + data
