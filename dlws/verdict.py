"""The words in which the suite judges: verdicts, severities, and the error that means "could not be known"."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self


class Verdict(StrEnum):
    """What is known about one check on one host.

    NOT_RUN is no judgement: the check or stage was not carried out (its host is unreachable, a stage it needs failed,
    the run was interrupted, or it was only planned). It is neither green nor a finding of its own.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    WARN = "WARN"
    UNKNOWN = "UNKNOWN"
    WAIVED = "WAIVED"
    DEVIATION = "DEVIATION"
    NA = "N/A"
    UNREACHABLE = "UNREACHABLE"
    NOT_RUN = "NOT RUN"

    @property
    def is_red(self) -> bool:
        """True for a verdict that makes the run fail."""
        return self in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNREACHABLE)


class Severity(StrEnum):
    """How much a failing check weighs: only a failing blocker makes the run fail."""

    BLOCKER = "blocker"
    WARNING = "warning"
    INFO = "info"


class Unknown(Exception):
    """The fact could not be established: tool missing, time-out, unparsable or truncated output, lost link.

    Never caught to mean "fine": a check that raises it is UNKNOWN and the run is red. Its kinds are registered by name,
    as evidence names the one that was met.
    """

    _kinds: ClassVar[dict[str, type[Unknown]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Unknown._kinds[cls.__name__] = cls

    @staticmethod
    def kind(name: str) -> type[Unknown]:
        """The kind of this name; `Unknown` itself for a name that no kind has (any more)."""
        return Unknown._kinds.get(name, Unknown)

    def again(self) -> Self:
        """The same error anew, for whoever meets the same trouble later: without this one's traceback and causes."""
        return type(self)(*self.args)


class NotApplicable(Exception):
    """The question does not arise: the configuration names nothing to hold the host against, or the host has no such
    part. The message says what is missing. A host that does not answer, or a tool that it lacks, is Unknown.
    """


class Unparsable(Unknown):
    """A tool answered, but not in a form that its parser understands."""
