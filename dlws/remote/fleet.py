"""All hosts of a run: connected to in parallel on demand, recorded, and read ahead of the checks."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from dlws.inventory import Node
from dlws.record.answer import Answer, Unreachable
from dlws.record.evidence import Transcript
from dlws.remote import patience
from dlws.remote.agent import PARALLEL
from dlws.remote.connection import CAP, CLOCK, CONNECT, Connection
from dlws.remote.foresight import Foresight
from dlws.remote.host import Host
from dlws.remote.local import CONTROL, open_local
from dlws.remote.outbox import Stdin
from dlws.remote.packed import PackedAnswer, Packing
from dlws.verdict import Unknown

WIDTH = 16  # hosts connected to at a time
AHEAD = 3 * WIDTH  # hosts whose answers wait for their checks at a time
STALE = 300.0  # seconds after which a command is run again instead of serving its earlier answer
RETRY = 60.0  # seconds for which a lost host is not tried again in an audit
COMES_BACK = 5.0  # the same where hosts are changed, because another process may have restarted it

T = TypeVar("T")


class Fleet:
    """The hosts by name, and the control host as "control". Thread-safe.

    With `foresight` (audits) a host's predicted reads are run in one round trip as soon as it is connected, and every
    answer may serve several checks, each at most once; any `send` to any host invalidates all of them. Without it
    (installs) every command is run when it is asked for.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        open_host: Callable[[Node], Connection],
        transcript: Transcript,
        *,
        foresight: Foresight | None = None,
        width: int = WIDTH,
        open_control: Callable[[], Connection] = open_local,
    ) -> None:
        """`open_host` connects to one host, as `dlws.remote.ssh.open_ssh` does; it raises Unreachable."""
        self.nodes = {node.name: node for node in nodes}
        self.transcript, self.foresight = transcript, foresight
        self.generation = 0  # grows with every change sent: older answers are void
        self._open_host, self._open_control = open_host, open_control
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="connect")
        self._logging_in = threading.BoundedSemaphore(width)
        self._lock = threading.Lock()
        self._opening: dict[str, Future[FleetConnection]] = {}
        self._expected = deque[str]()
        self._unused = set[str]()  # those of them that are opened and wait
        self._hosts: dict[str, Host] = {}
        self._noted: dict[tuple[str, str], tuple[Any, str]] = {}
        self.packing = Packing()
        self._refused: dict[str, str] = {}  # host -> reference of the record that it could not be reached
        self._refused_at: dict[str, float] = {}
        self.patience = RETRY if foresight else COMES_BACK
        self.beyond: frozenset[str] = frozenset()
        """The hosts that other shards of this audit ask; they are never connected to."""
        self.missed = 0
        """How often one of them was asked for: what asked has not seen the whole cluster."""

    def is_beyond(self, name: str) -> bool:
        """Whether another shard asks this host; counted, if so: what asks here has not seen the whole cluster."""
        self.missed += name in self.beyond
        return name in self.beyond

    def expect(self, names: Iterable[str]) -> None:
        """Connect to these hosts and run their predicted reads in the background: they will be used in this order.

        No more than AHEAD at a time wait for their use: the answers of a thousand would fill the memory, and be too old
        when their turn comes.
        """
        with self._lock:
            self._expected = deque(names)
            self._expect_more()

    def _expect_more(self) -> None:
        while self._expected and len(self._unused) < AHEAD:
            if (name := self._expected.popleft()) not in self._opening:
                self._unused.add(name)
                self._opening[name] = self._pool.submit(self._open, name)

    def connection(self, name: str) -> Connection:
        """The host's connection, opened now if it is not open. Raises Unreachable.

        A host that could not be reached is not tried again: in an audit not at all, and where hosts are changed not
        for a while, because another process may have restarted it.
        """
        if self.is_beyond(name):
            raise Unreachable(f"{name}: asked by another shard of this audit")
        with self._lock:
            if not self.foresight and name in self._refused and self._refused_at[name] + COMES_BACK < time.monotonic():
                del self._opening[name], self._refused[name]
            self._unused.discard(name)
            self._expect_more()
            future = self._opening.get(name)
            mine = future is None or future.cancel()  # no thread has begun: connect here rather than wait in the queue
            if future is None or mine:
                future = self._opening[name] = Future()
                future.set_running_or_notify_cancel()  # another thread that wants it waits, and cannot cancel it
        if mine:
            try:
                with self._logging_in:  # the stages of all hosts may begin at once, and a login has a deadline
                    future.set_result(self._open(name))
            except BaseException as error:
                future.set_exception(error)
        try:
            connection = future.result()
            connection.must_be_there()
        except Unreachable as error:
            self.transcript.use(self._refusal(name, error))
            raise error.again() from None
        connection.ask_ahead()
        return connection

    def _refusal(self, name: str, error: Unreachable) -> str:
        """The reference of the record that a host could not be reached, made by the first that meets it."""
        with self._lock:
            if name not in self._refused:
                self._refused[name] = self.transcript.record_failure(name, CONNECT, error)
                self._refused_at[name] = time.monotonic()
            return self._refused[name]

    def host(self, name: str) -> Host:
        """The testinfra host on that connection. Raises Unreachable."""
        connection = self.connection(name)
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = Host(connection, self.nodes.get(name))
            return self._hosts[name]

    def begin(self, test: str) -> None:
        """Called when a test starts. Only ReplayedFleet uses it."""

    def note(self, name: str, question: str, find: Callable[[], T]) -> T:
        """The value that `find` returns in this process, plain JSON; recorded as the host's answer to `question`.

        Raises what `find` raises; an Unknown is recorded too.
        """
        return self._note(name, question, find)[0]

    def note_once(self, name: str, question: str, find: Callable[[], T]) -> T:
        """Like `note`, but `find` is called once per process; the record is evidence of every test that asks."""
        if (name, question) not in self._noted:
            self._noted[name, question] = self._note(name, question, find)
        value, reference = self._noted[name, question]
        self.transcript.use(reference)
        return value  # type: ignore[no-any-return]

    def release(self, name: str) -> None:
        """Close the host's connection and forget a failure to reach it; the next use connects again."""
        with self._lock:
            future = self._opening.pop(name, None)
            self._hosts.pop(name, None)
            self._refused.pop(name, None)
        if future is not None and not future.cancel():
            future.add_done_callback(_close)

    def close(self) -> None:
        """Close every connection, save the foresight, close the transcript."""
        self._expected.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for name in list(self._opening):
            self.release(name)
        if self.foresight is not None:
            self.foresight.save()
        self.transcript.close()

    def _note(self, name: str, question: str, find: Callable[[], T]) -> tuple[T, str]:
        started = time.monotonic()
        try:
            text = json.dumps(find(), ensure_ascii=False).encode("utf-8", "backslashreplace")
        except Unknown as error:
            self.transcript.record_failure(name, question, error)
            raise
        answer = Answer(question, 0, text, b"", time.monotonic() - started)
        return json.loads(text), self.transcript.record(name, answer, "read")

    def _open(self, name: str) -> FleetConnection:
        if name == CONTROL and name not in self.nodes:
            return FleetConnection(self, self._open_control(), None)
        node = self.nodes[name]
        connection = FleetConnection(self, self._open_host(node), node)
        connection.ask_ahead()
        return connection


@dataclass(slots=True)
class _Ready:
    """An answer at hand: its reference in the transcript, when and with which cap it was read, which scope used it."""

    answer: PackedAnswer
    reference: str
    at: float
    cap: int
    generation: int
    scope: int | None = None


class FleetConnection(Connection):
    """A host's connection that records every answer and serves those that were read ahead."""

    def __init__(self, fleet: Fleet, inner: Connection, node: Node | None) -> None:
        self.host, self.user = inner.host, inner.user
        self._fleet, self._inner, self._node = fleet, inner, node
        self._lock = threading.Lock()
        self._ready: dict[str, _Ready] = {}
        self._asked = False
        hanging = fleet.patience if fleet.foresight is None else math.inf  # each try costs an audit a minute and more
        self._patience = patience.Patience(self.host, self._pulse, retry=fleet.patience, retry_hanging=hanging)

    def ask_ahead(self) -> None:
        """Run all predicted reads in one round trip, unless a command was run on the host already."""
        foresight = self._fleet.foresight
        if foresight is None or self._node is None or self._asked:
            return
        with self._lock:
            reads = [read for read in foresight.foreseen(self._node) if read[0] not in self._ready]
            try:
                if len(reads) > PARALLEL:
                    self._patience.take_pulse()
                for (deadline, cap), group in groupby(sorted(reads, key=_bounds), key=_bounds):
                    self._fetch([command for command, _, _ in group], deadline, cap)
            except Unknown:
                self._asked = True  # the checks run their commands themselves and meet the same error

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """See `Connection.ask`."""
        self._asked = True
        transcript, foresight = self._fleet.transcript, self._fleet.foresight
        if foresight is None or self._node is None:
            with self._failures_of(commands):
                answers = self._ask_inner(commands, deadline, cap)
            for answer in answers:
                transcript.record(self.host, answer, "read")
            return answers
        for command in commands:
            foresight.learn(self._node, command, deadline, cap)
        with self._lock:
            missing = [c for c in dict.fromkeys(commands) if not self._serves(c, cap)]
            if missing:
                with self._failures_of(missing):
                    self._fetch(missing, deadline, cap)
            for command in commands:
                self._ready[command].scope = transcript.scope
                transcript.use(self._ready[command].reference)
            return [self._ready[command].answer.unpacked(command) for command in commands]

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        """See `Connection.run_active`. It is not learned by the foresight, because no later audit may send it ahead.

        Its stdin is not recorded.
        """
        self._asked = True
        with self._failures_of([command]):
            answer = self._answer(lambda: self._inner.run_active(command, stdin=stdin, deadline=deadline))
        self._fleet.transcript.record(self.host, answer, "read")
        return answer

    def serve(self, command: str, *, stdin: bytes, deadline: float) -> Answer:
        """See `Connection.serve`. Its loss with the link is nothing that a run must know, and may come after it."""
        self._fleet.transcript.append(self.host, Answer(command, None, b"", b"", 0.0), "change")
        return self._inner.serve(command, stdin=stdin, deadline=deadline)

    def ask_secret(self, command: str, *, deadline: float = 30.0) -> Answer:
        """See `Connection.ask_secret`. The transcript records the command and the length of the output.

        It does not count as evidence of the test, because a replay could not judge by it.
        """
        answer = self._ask_inner([command], deadline, CAP)[0]
        withheld = f"({len(answer.out)} bytes withheld)".encode()
        self._fleet.transcript.append(self.host, replace(answer, out=withheld), "read")
        return answer

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """See `Connection.send`."""
        self._fleet.generation += 1
        try:
            answer = self._inner.send(command, token=token, stdin=stdin, deadline=deadline)
        except Unknown as error:
            self._fleet.transcript.record(self.host, Answer(command, None, b"", str(error).encode(), 0.0), "change")
            raise
        finally:
            self._fleet.generation += 1
        self._fleet.transcript.record(self.host, answer, "change")
        return answer

    def still_running(self, token: str) -> bool:
        """See `Connection.still_running`; never served from an earlier answer."""
        return self._inner.still_running(token)

    def tunnel(self, address: str, port: int, timeout: float) -> socket.socket:
        """See `Connection.tunnel`."""
        return self._inner.tunnel(address, port, timeout)

    def clock(self) -> Answer:
        """See `Connection.clock`; never served from an earlier answer."""
        with self._failures_of([CLOCK]):
            answer = self._answer(self._inner.clock)
        self._fleet.transcript.record(self.host, answer, "read")
        return answer

    def withhold(self, secret: str) -> None:
        """See `Connection.withhold`."""
        self._fleet.transcript.redactor.learn(secret)

    def redact(self, text: str) -> str:
        """See `Connection.redact`."""
        return self._fleet.transcript.redactor.text(text)

    def renew(self) -> None:
        """See `Connection.renew`."""
        self._patience.renew()
        self._fleet.generation += 1
        self._inner.renew()

    def restore(self) -> None:
        """See `Connection.restore`."""
        self._inner.restore()

    def close(self) -> None:
        """See `Connection.close`."""
        self._inner.close()

    @contextmanager
    def _failures_of(self, commands: Sequence[str]) -> Iterator[None]:
        """Record the failure of these commands, because it is evidence too."""
        try:
            yield
        except Unknown as error:
            for command in commands:
                self._fleet.transcript.record_failure(self.host, command, error)
            raise

    def _serves(self, command: str, cap: int) -> bool:
        """Whether the answer at hand may serve the check: recent, complete, no change since, not yet used by it."""
        ready = self._ready.get(command)
        return (
            ready is not None
            and ready.generation == self._fleet.generation
            and ready.scope != self._fleet.transcript.scope
            and time.monotonic() - ready.at < STALE
            and (not ready.answer.timed_out or self._patience.is_over)
            and not (ready.answer.truncated and ready.cap < cap)
        )

    def _fetch(self, commands: Sequence[str], deadline: float, cap: int) -> None:
        generation, at = self._fleet.generation, time.monotonic()
        for answer in self._ask_inner(commands, deadline, cap):
            reference = self._fleet.transcript.append(self.host, answer, "read")
            packed = self._fleet.packing.packed(self._node.kind if self._node else "", self.host, answer)
            self._ready[answer.command] = _Ready(packed, reference, at, cap, generation)

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        return self._patience.answers(lambda: [ask()])[0]

    def _ask_inner(self, commands: Sequence[str], deadline: float, cap: int) -> list[Answer]:
        answers = self._patience.answers if self._fleet.foresight is None else self._patience.rationed
        return answers(lambda: self._inner.ask(commands, deadline=deadline, cap=cap))

    def must_be_there(self) -> None:
        """In an audit, raises the Unreachable by which the host was lost; a host that is changed may be back."""
        if self._fleet.foresight is not None:
            self._patience.raise_loss()

    def _pulse(self) -> Answer:
        return self._inner.ask([patience.PULSE], deadline=patience.PULSE_DEADLINE)[0]


def _close(future: Future[FleetConnection]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().close()


def _bounds(read: tuple[str, float, int]) -> tuple[float, int]:
    return read[1], read[2]
