"""Hosts and an API server that answer what somebody pasted. Nothing is connected to."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from dlws.parse.pasted import Answers, answer_to
from dlws.record.answer import Answer
from dlws.remote.api_server import ApiRequest
from dlws.remote.connection import CAP, CLOCK, Connection
from dlws.remote.outbox import Stdin
from dlws.verdict import Unknown

RAW = "kubectl get --raw "
"""How a request to the API is written: the command that sends it."""


class Unanswered(Unknown):
    """A check asks for something that was not pasted."""


class PastedAnswers:
    """The answers of one host. `missing` are the commands without an answer, `used` the keys of answers in use."""

    def __init__(self, host: str, answers: Answers) -> None:
        self.host, self._answers = host, answers
        self.missing: list[str] = []
        self.used: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """The pasted commands that nothing asked for."""
        return [key for key in self._answers if key not in self.used]

    def ask(self, command: str) -> Answer:
        """The answer to a command. Raises Unanswered, and notes the command, where none was pasted."""
        key = answer_to(command, self._answers)
        if key is None:
            self.missing += [command] if command not in self.missing else []
            raise Unanswered(f"{self.host}: no answer was pasted to: {command}")
        self.used.add(key)
        given = self._answers[key]
        return Answer(command, given.status, given.out.encode(), given.err.encode(), 0.0)


class PastedHost(Connection):
    """A host with pasted answers. Raises Unanswered for other questions, Unknown for every change."""

    def __init__(self, answers: PastedAnswers) -> None:
        self.host, self.user, self._answers = answers.host, "root", answers

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """See `Connection.ask`."""
        return [self._answers.ask(command) for command in commands]

    def run_active(self, command: str, *, stdin: Stdin = b"", deadline: float = 30.0) -> Answer:
        """See `Connection.run_active`."""
        return self._answers.ask(command)

    def clock(self) -> Answer:
        """See `Connection.clock`."""
        return self._answers.ask(CLOCK)

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """Raises Unknown: nothing is changed where nothing is connected."""
        raise Unknown(f"{self.host}: answers that were pasted change nothing: {command}")

    def renew(self) -> None:
        """Nothing to renew."""

    def close(self) -> None:
        """Nothing to close."""


class PastedApi:
    """An API server (`api_server.Server`) with pasted answers to `kubectl get --raw PATH`, or to `METHOD PATH`."""

    def __init__(self, answers: PastedAnswers) -> None:
        self._answers = answers

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """See `Server.ask`."""
        command = f"{RAW}'{request.path}'" if request.method == "GET" else request.command
        given = self._answers.ask(command)
        return Answer(request.command, given.rc, given.out, f"200 OK\nDate: {formatdate(usegmt=True)}".encode(), 0.0)
