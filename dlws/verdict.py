"""The words in which the suite judges: verdicts, severities, a finding as data, and the errors that a check raises."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Protocol, Self, TypeVar

T = TypeVar("T")


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


class Mismatch(AssertionError):
    """A fact that is known and not as it must be: the check FAILs (or WARNs, by its severity).

    >>> expect("vm.swappiness", found=60, expected=0)
    Traceback (most recent call last):
    dlws.verdict.Mismatch: vm.swappiness: expected 0, found 60

    `what` was looked at; `found` and `expected` are values in words: `60`, `sda, sdb`, `nothing`.
    """

    def __init__(self, what: str, *, found: object, expected: object) -> None:
        self.what, self.found, self.expected = what, in_words(found), in_words(expected)
        super().__init__(_comparison(self.what, self.expected, self.found))


def expect(what: str, *, found: object, expected: object) -> None:
    """The two are equal, or Mismatch says what was looked at, what was expected and what was found."""
    if found != expected:
        raise Mismatch(what, found=found, expected=expected)


def expect_that(holds: object, what: str, *, found: object, expected: object) -> None:
    """The condition holds, or Mismatch says so in words."""
    if not holds:
        raise Mismatch(what, found=found, expected=expected)


def expect_present(thing: T | None, what: str, *, found: object = "none", expected: object = "one") -> T:
    """The thing, or Mismatch says that there is none."""
    if thing is None:
        raise Mismatch(what, found=found, expected=expected)
    return thing


def expect_among(key: str, things: Mapping[str, T], what: str) -> T:
    """What the mapping holds for the key, or Mismatch: `nodes: expected atlas04 among them, found atlas01, atlas02`."""
    expect_that(key in things, what, found=list(things), expected=f"{key} among them")
    return things[key]


def in_words(value: object) -> str:
    """A value as a message shows it: `nothing` for no text, `none` for an empty list, a list's items with commas."""
    if isinstance(value, str):
        return value or "nothing"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return ", ".join(str(item) for item in items) or "none"
    return str(value)


class Finding(Protocol):
    """What a verdict rests on, as data. `what`, `found` and `expected` are a Mismatch's, "" where nothing was compared.

    `message` says in words what is no comparison, or leads up to one; `remark` is why a finding is accepted all the
    same: the product's deviation, or the waiver.
    """

    @property
    def verdict(self) -> Verdict:
        """What it was judged."""

    @property
    def what(self) -> str:
        """What was looked at."""

    @property
    def found(self) -> str:
        """What was found there."""

    @property
    def expected(self) -> str:
        """What was to be found."""

    @property
    def message(self) -> str:
        """What else is to be said."""

    @property
    def remark(self) -> str:
        """Why it is accepted."""


def sentence(finding: Finding) -> str:
    """A finding as people read it; the one place where its sentence is made. "" where there is nothing to say.

    >>> sentence(result)
    'mode: expected 0755, found 0777 (the product needs it so)'
    """
    compared = bool(finding.found or finding.expected)
    comparison = _comparison(finding.what, finding.expected, finding.found) if compared else ""
    said = ": ".join(part for part in (finding.message, comparison) if part)
    if not finding.remark:
        return said
    remark = f"waived: {finding.remark}" if finding.verdict is Verdict.WAIVED else finding.remark
    return f"{said} ({remark})" if said else remark


def _comparison(what: str, expected: str, found: str) -> str:
    return f"{what}: expected {expected}, found {found}" if what else f"expected {expected}, found {found}"
