"""A host's answer to one command, and the errors for an answer that did not arrive.

Every error here is an `Unknown`: a check that raises one is UNKNOWN, never green.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlws.verdict import Unknown


class LinkLost(Unknown):
    """The connection was lost before the answer arrived. Whether a change ran must be looked up, never guessed."""


class CommandTimedOut(Unknown):
    """The command did not end by its deadline and was stopped, or its answer did not arrive in time."""


class OutputTruncated(Unknown):
    """The command printed more than its cap, so only the beginning of its output is kept."""


class Unreachable(Unknown):
    """No connection to the host: refused, no answer, unknown name, or it broke before a command could be sent."""


class LoginRefused(Unreachable):
    """The host answers, but with none of the logins can commands be run as root."""


class NoHostAnswers(Unknown):
    """None of the hosts that a check compares can be reached: that is told of each of them, and this is its echo."""


class HostKeyChanged(Unreachable):
    """The host presents a different key from the one pinned for its address. Nothing secret was sent to it."""


class HeldByAnotherRun(Unreachable):
    """Another run is changing the cluster, so this one gets no session with its master; the message says which."""


class ApiUnreachable(Unknown):
    """The Kubernetes API cannot be used: no connection, no answer, no credentials, or another cluster's server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one command on one host.

    `rc` is the exit status, 128 + N after signal N, and None if the command was stopped at its deadline.
    `out` and `err` are at most as long as the cap; `seconds` is the time the command took on the host.
    """

    command: str
    rc: int | None
    out: bytes
    err: bytes
    seconds: float
    timed_out: bool = False
    truncated: bool = False

    @property
    def text(self) -> str:
        r"""Standard output as text; bytes that are not UTF-8 appear as `\xNN`."""
        return self.out.decode("utf-8", "backslashreplace")

    @property
    def error_text(self) -> str:
        r"""Standard error as text; bytes that are not UTF-8 appear as `\xNN`."""
        return self.err.decode("utf-8", "backslashreplace")
