"""A run judged again from its evidence, offline: hosts, the Kubernetes API and this machine answer as in the original.

A test gets the answers that it got in the original run, in the same order: the ledger says which lines it used. A
question that it did not ask then (its check may have changed) is answered from those of any test of the run. A question
that no test asked is Unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlws.inventory import Node
from dlws.record.answer import Answer, ApiUnreachable, Unreachable
from dlws.record.evidence import Transcript, file_name, host_part, read, transcripts
from dlws.remote import respelt
from dlws.remote.api_server import ApiRequest
from dlws.remote.connection import CAP, CLOCK, CONNECT, Connection
from dlws.remote.fleet import Fleet, T
from dlws.remote.kubernetes import NAME
from dlws.remote.outbox import Stdin
from dlws.verdict import Unknown, Unparsable


@dataclass(frozen=True, slots=True)
class Line:
    """One line of evidence: the answer, or why there was none. `reference` is `<file>#<n>`."""

    reference: str
    command: str
    at: str
    answer: Answer
    failure: Unknown | None

    def served(self) -> Answer:
        """The answer. Raises the recorded failure if there was none."""
        if self.failure is not None:
            raise self.failure.again()
        return self.answer


class Replay:
    """The evidence of a run, by host and command."""

    def __init__(self, run: Path, judged_by: Mapping[str, Sequence[str]], transcript: Transcript) -> None:
        """`run` is the run's folder, `judged_by` the references of each of its tests.

        Lines that are served again are counted as used in `transcript`; nothing is written to it. Raises Unknown when
        it holds no evidence that can be read.
        """
        self.transcript = transcript
        self._judged_by = judged_by
        try:
            self._lines = {line.reference: line for name in transcripts(run) for line in _lines(run, name)}
        except OSError as error:
            raise Unknown(f"{run}: the evidence cannot be read: {error}") from error
        if not self._lines:
            raise Unknown(f"{run}: no recording there")
        self._latest: dict[tuple[str, str], Line] = {}
        for line in sorted(self._lines.values(), key=lambda line: (line.failure is None, line.at)):
            self._latest[host_part(line.reference), line.command] = line  # an answer before a failure, then the last
        self._answering = {host for host, command in self._latest if command != CONNECT}
        self._own: dict[str, list[Line]] = {}
        self._served: Counter[tuple[str, str]] = Counter()

    def begin(self, test: str) -> None:
        """Serve the evidence of this test from now on."""
        self._own = {}
        self._served.clear()
        for reference in self._judged_by.get(test, ()):
            if reference in self._lines:
                self._own.setdefault(host_part(reference), []).append(self._lines[reference])

    def ask(self, host: str, command: str) -> Answer:
        """The recorded answer; when a test asks the same again, the answer it got the second time.

        Raises the recorded failure, or Unknown for a command that is not in the evidence.
        """
        own = [line for line in self._own.get(file_name(host), ()) if line.command == command]
        turn = self._served[host, command]
        self._served[host, command] += 1
        line = own[min(turn, len(own) - 1)] if own else self._unasked(host, command)
        if line is None and (answer := self._respelt(host, command, turn)):
            return answer
        if line is None:
            raise Unknown(f"{host}: not in the evidence of the run that is replayed: {command}")
        self.transcript.use(line.reference)
        return line.served()

    def _respelt(self, host: str, command: str, turn: int) -> Answer | None:
        """The answer that an older suite recorded under other commands; None if there is none.

        If this test asked one of them, only what it was answered counts, a failure too: another test may have seen
        another state.
        """
        own: dict[str, list[Line]] = {}
        for line in self._own.get(file_name(host), ()):
            own.setdefault(line.command, []).append(line)
        latest = {asked: line for (name, asked), line in self._latest.items() if name == file_name(host)}
        return self._derived(command, {asked: lines[min(turn, len(lines) - 1)] for asked, lines in own.items()}) or (
            self._derived(command, {asked: line for asked, line in latest.items() if line.failure is None})
        )

    def _derived(self, command: str, lines: Mapping[str, Line]) -> Answer | None:
        """The answer made of these lines. Raises the recorded failure of one that it would be made of."""
        derived = respelt.answer_to(command, {asked: line.answer for asked, line in lines.items()})
        if derived is None:
            return None
        for line in (lines[asked] for asked in derived[1]):
            self.transcript.use(line.reference)
            line.served()
        return derived[0]

    def loss(self, host: str) -> Line | None:
        """The failed connection of this test to a host; without one, that of any test if the host answered none."""
        own = [line for line in self._own.get(file_name(host), ()) if line.command == CONNECT]
        line = own[0] if own else self._latest.get((file_name(host), CONNECT))
        return line if own or file_name(host) not in self._answering else None

    def failure(self, host: str, kind: type[Unknown]) -> Line | None:
        """The failure of this kind that this test recorded for a host; None if there is none."""
        own = self._own.get(file_name(host), ())
        return next((line for line in own if isinstance(line.failure, kind)), None)

    def _unasked(self, host: str, command: str) -> Line | None:
        """For a command that this test did not ask: its failure to reach the API, or another test's answer."""
        return self.failure(host, ApiUnreachable) or self._latest.get((file_name(host), command))


class Answering(Protocol):
    """A source of recorded answers."""

    def ask(self, host: str, command: str) -> Answer:
        """The recorded answer. Raises the recorded failure, or Unknown."""


class ReplayedFleet(Fleet):
    """The hosts of a replay. Opens no connection."""

    def __init__(self, nodes: Iterable[Node], replay: Replay) -> None:
        super().__init__(nodes, _no_way, replay.transcript)
        self.replay = replay

    def begin(self, test: str) -> None:
        """See `Fleet.begin`."""
        self.replay.begin(test)

    def expect(self, names: Iterable[str]) -> None:
        """Does nothing: every answer is in the evidence."""

    def connection(self, name: str) -> Connection:
        """The host's recorded answers. Raises the recorded Unreachable."""
        if lost := self.replay.loss(name):
            self.transcript.use(lost.reference)
            lost.served()
        return ReplayedConnection(name, self.replay)

    def note(self, name: str, question: str, find: Callable[[], T]) -> T:
        """See `Fleet.note`: returns the recorded value."""
        try:
            value: T = json.loads(self.replay.ask(name, question).out)
        except ValueError:
            raise Unparsable(f"{name}: the evidence of {question} is cut off or changed") from None
        return value

    note_once = note


class ReplayedConnection(Connection):
    """A host that gives its recorded answers and refuses every change."""

    def __init__(self, host: str, replay: Answering) -> None:
        self.host, self.user, self._replay = host, "", replay

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """See `Connection.ask`; `deadline` and `cap` applied in the original run."""
        return [self._replay.ask(self.host, command) for command in commands]

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        """See `Connection.run_active`."""
        return self._replay.ask(self.host, command)

    def ask_secret(self, command: str, *, deadline: float = 30.0) -> Answer:
        """Raises Unknown, because secrets are not recorded."""
        raise Unknown(f"{self.host}: withheld from the evidence of the run that is replayed: {command}")

    def clock(self) -> Answer:
        """See `Connection.clock`."""
        return self._replay.ask(self.host, CLOCK)

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """Raises Unknown, because a replay changes nothing."""
        raise Unknown(f"{self.host}: a replay changes nothing: {command}")

    def renew(self) -> None:
        """Nothing to renew."""

    def close(self) -> None:
        """Nothing to close."""


class ReplayedApi:
    """The Kubernetes API of a replay: both the server and the transcript, which is not written again."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """See `Server.ask`."""
        return self._replay.ask(NAME, request.command)

    def record(self, host: str, answer: Answer, kind: object) -> str:
        """Does nothing: the answer is in the evidence already."""
        return ""

    def record_failure(self, host: str, command: str, error: Unknown) -> str:
        """Does nothing: the failure is in the evidence already."""
        return ""

    def use(self, reference: str) -> None:
        """Does nothing: the line was counted when it was served."""


def _no_way(node: Node) -> Connection:
    raise Unreachable(f"{node.name}: a replay connects to nothing")


def _lines(run: Path, name: str) -> Iterator[Line]:
    for line in read(run, name):
        if line.n:  # nothing can refer to any other
            yield Line(f"{name}#{line.n}", line.answer.command, line.at, line.answer, line.error)
