"""The host that checks are written against: testinfra's, with `read`, `lines` and other methods for facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import testinfra.host
from testinfra.backend.base import CommandResult

from dlws.inventory import Node
from dlws.record.answer import Answer
from dlws.remote.backend import DEADLINE, Backend, quoted, require_complete
from dlws.remote.connection import CAP, Connection
from dlws.remote.modules import MODULES
from dlws.verdict import Unknown, Unparsable

ANY_STATUS = range(256)
"""For a command that says in words what ails it, whatever its exit status."""
MISSING = (126, 127)  # a shell's exit status for a command that cannot be run, or does not exist


class Host(testinfra.host.Host):  # type: ignore[misc]
    """One host. `node` is its row of the inventory, None for the control host.

    >>> host.service("docker").is_running
    >>> host.read("stat -c %%a %s", "/etc/sudoers.d")
    """

    def __init__(self, connection: Connection, node: Node | None = None) -> None:
        super().__init__(Backend(connection.host, over=connection))
        self.backend.set_host(self)
        self.connection = connection
        self._node = node

    @classmethod
    def get_host(cls, hostspec: str, **kwargs: Any) -> testinfra.host.Host:
        """A host of testinfra's own, on any of its backends. A host of this class is made from a connection."""
        return testinfra.host.get_host(hostspec, **kwargs)

    @classmethod
    def get_hosts(cls, hosts: Iterable[str], **kwargs: Any) -> list[testinfra.host.Host]:
        """See `get_host`."""
        return list(testinfra.host.get_hosts(hosts, **kwargs))

    def __getattr__(self, name: str) -> Any:
        """A testinfra module: the one from `dlws.remote.modules` if there is one, else testinfra's own."""
        if name not in MODULES:
            return super().__getattr__(name)
        module = MODULES[name].get_module(self)  # type: ignore[attr-defined]
        setattr(self, name, module)
        return module

    @property
    def name(self) -> str:
        """The host's name in the inventory, or "control"."""
        return self.connection.host

    @property
    def node(self) -> Node:
        """The host's row of the inventory. Unknown for a host that is not in it (the control host)."""
        if self._node is None:
            raise Unknown(f"{self.name} is not in the inventory")
        return self._node

    def read(self, command: str, *args: object, deadline: float = DEADLINE, cap: int = CAP) -> str:
        """The output of a command, without trailing newlines. Each `%s` takes one argument, shell-quoted.

        Within `with host.sudo(user):` it runs as that user. `deadline` is in seconds, `cap` in bytes.
        Raises Unknown for a missing tool, an exit status other than 0 (with the text of stderr), a time-out, output
        cut off, or a lost link. Where a non-zero status is an answer, use `run_expect`.

        >>> host.read("cat /proc/sys/kernel/hostname")
        'atlas01'
        """
        text = self.backend.get_command(quoted(command, *args))
        answer = self.connection.ask([text], deadline=deadline, cap=cap)[0]
        return self._expected([0], answer, deadline).text.rstrip("\r\n")

    def lines(self, command: str, *args: object, deadline: float = DEADLINE, cap: int = CAP) -> list[str]:
        """The lines of `read` that are not blank."""
        return [line for line in self.read(command, *args, deadline=deadline, cap=cap).splitlines() if line.strip()]

    def read_secret(self, command: str, *args: object, deadline: float = DEADLINE) -> str:
        """Like `read`, for credentials that are only passed from host to host: the output is not recorded."""
        answer = self.connection.ask_secret(quoted(command, *args), deadline=deadline)
        return self._expected([0], answer, deadline).text

    def run_active(
        self, expected: Sequence[int], command: str, *args: object, stdin: str = "", deadline: float = DEADLINE
    ) -> Answer:
        """Like `run_expect`, for a command of an active check, which may leave a trace (`Connection.run_active`).

        `stdin` is for a password, which must not be on a command line.
        """
        answer = self.connection.run_active(quoted(command, *args), stdin=stdin.encode(), deadline=deadline)
        return self._expected(expected, answer, deadline)

    def clock(self) -> tuple[float, float]:
        """How far the host's clock is ahead of ours, and the bound of that reading's error, both in seconds."""
        answer = self._expected([0], self.connection.clock(), DEADLINE)
        try:
            offset, bound = map(float, answer.text.split())
        except ValueError:
            raise Unparsable(f"{self.name}: clock: not understood: {answer.text.strip()[:80]!r}") from None
        return offset, bound

    def run_expect(self, expected: Sequence[int], command: str, *args: str, **more: Any) -> CommandResult:
        """Like `run`, for a command that answers with its exit status: `expected` are the statuses that are answers.

        Raises Unknown for any other (127: there is no such tool). testinfra's own method raises AssertionError, with
        which a check would FAIL for a fact that it could not establish. All of testinfra's modules call this method.
        """
        result = self.run(command, *args, **more)
        if result.rc not in expected:
            raise self.unexpected(result)
        return result

    def check_output(self, command: str, *args: str, **more: Any) -> str:
        """testinfra's name for `read`. Raises Unknown when the exit status is not 0."""
        return str(self.run_expect([0], command, *args, **more).stdout.rstrip("\r\n"))

    def unexpected(self, result: CommandResult | Answer) -> Unknown:
        """The error to raise for an exit status that is not an answer; its message includes the text of stderr."""
        if isinstance(result, Answer):
            command, stderr = result.command, result.error_text
        else:
            command, stderr = result.command.decode("utf-8", "backslashreplace"), result.stderr
        what = "tool missing" if result.rc in MISSING else f"exit status {result.rc}"
        complaint = stderr.strip() or "nothing on stderr"
        return Unknown(self.connection.redact(f"{self.name}: {what}: {command}: {complaint}"))

    def _expected(self, expected: Sequence[int], answer: Answer, deadline: float) -> Answer:
        """The answer itself. Raises Unknown unless it is complete and its exit status is among `expected`."""
        require_complete(answer, self.connection, deadline)
        if answer.rc not in expected:
            raise self.unexpected(answer)
        return answer

    def __repr__(self) -> str:
        return f"<host {self.name}>"
