"""What a host answers to one command, and the ways in which an answer can fail to come.

Every error here is an `Unknown`: a check that meets one is UNKNOWN, never green.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlws.verdict import Unknown


class LinkLost(Unknown):
    """The connection went away before the answer came. Whether a change ran must be looked up, never guessed."""


class CommandTimedOut(Unknown):
    """The command did not end by its deadline and was stopped, or its answer did not come in time."""


class OutputTruncated(Unknown):
    """The command printed more than its cap; what was kept is only the beginning."""


class Unreachable(Unknown):
    """No connection to the host: refused, silent, unknown name, or it broke off before a command could be sent."""


class LoginRefused(Unreachable):
    """The host answers, but none of the logins leads to a root command."""


class HostKeyChanged(Unreachable):
    """The host shows another key than the one pinned for its address. Nothing secret was sent to it."""


class ApiUnreachable(Unknown):
    """The Kubernetes API cannot be asked: no way to it, no answer, no credentials, or another cluster's server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one command on one host.

    `rc` is the exit status, 128 + N after signal N, and None if the command was stopped at its deadline.
    `out` and `err` hold at most the cap asked for; `seconds` is the time the command took on the host.
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
