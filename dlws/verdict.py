"""The vocabulary of judgements: verdicts, severities, findings as data, and the errors that a check raises."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Protocol, Self, TypeVar

T = TypeVar("T")


class Verdict(StrEnum):
    """The outcome of one check on one host.

    NOT_RUN is not a judgement: the check or stage was not carried out (its host is unreachable, a stage it needs
    failed, the run was interrupted, or it was only planned). It is neither green nor a finding.
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

    Never caught to mean "fine": a check that raises it is UNKNOWN and the run is red. Subclasses are registered by
    name, because the evidence records the name of the one that was raised.
    """

    _kinds: ClassVar[dict[str, type[Unknown]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Unknown._kinds[cls.__name__] = cls

    @staticmethod
    def kind(name: str) -> type[Unknown]:
        """The subclass of this name; `Unknown` itself for a name that does not exist (any more)."""
        return Unknown._kinds.get(name, Unknown)

    def again(self) -> Self:
        """A copy of the error without its traceback and causes, to raise for another caller."""
        return type(self)(*self.args)


class NotApplicable(Exception):
    """The check does not apply: the configuration sets no expectation, or the host has no such part.

    The message says what is missing. A host that does not answer, or lacks a tool, is Unknown instead.
    """


class Unparsable(Unknown):
    """A tool's output is not in a form that its parser understands."""


class Mismatch(AssertionError):
    """A fact differs from what is expected: the check FAILs (or WARNs, depending on its severity).

    >>> expect("vm.swappiness", found=60, expected=0)
    Traceback (most recent call last):
    dlws.verdict.Mismatch: vm.swappiness: expected 0, found 60

    `what` names the fact; `found` and `expected` are values in words: `60`, `sda, sdb`, `nothing`.
    """

    def __init__(self, what: str, *, found: object, expected: object) -> None:
        self.what, self.found, self.expected = what, in_words(found), in_words(expected)
        super().__init__(_comparison(self.what, self.expected, self.found))


def expect(what: str, *, found: object, expected: object) -> None:
    """Raise Mismatch unless `found` equals `expected`."""
    if found != expected:
        raise Mismatch(what, found=found, expected=expected)


def expect_that(holds: object, what: str, *, found: object, expected: object) -> None:
    """Raise Mismatch unless the condition holds; `found` and `expected` describe it in words."""
    if not holds:
        raise Mismatch(what, found=found, expected=expected)


def expect_present(thing: T | None, what: str, *, found: object = "none", expected: object = "one") -> T:
    """The thing itself. Raises Mismatch if it is None."""
    if thing is None:
        raise Mismatch(what, found=found, expected=expected)
    return thing


def expect_among(key: str, things: Mapping[str, T], what: str) -> T:
    """The value of a key. Raises Mismatch if it is missing: `nodes: expected atlas04 among them, found atlas01`."""
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
    """The reason for a verdict, as data. `what`, `found` and `expected` are a Mismatch's, "" if nothing was compared.

    `message` is a text that is not a comparison, or introduces one; `remark` is why a finding is accepted: the
    product's deviation, or the waiver; `sample` is how much of what the check is about was judged.
    """

    @property
    def verdict(self) -> Verdict:
        """The verdict."""

    @property
    def what(self) -> str:
        """The fact that was compared: `vm.swappiness`."""

    @property
    def found(self) -> str:
        """The value that was found, in words."""

    @property
    def expected(self) -> str:
        """The value that was expected, in words."""

    @property
    def message(self) -> str:
        """Any other text, such as the message of an error."""

    @property
    def remark(self) -> str:
        """Why the finding is accepted; "" if it is not."""

    @property
    def sample(self) -> str:
        """What was judged where it is not all: `8 of 99 other hosts`; "" where it is all."""


def sentence(finding: Finding) -> str:
    """A finding as a sentence; the only place where it is put together. "" for a finding without any text.

    >>> sentence(result)
    'mode: expected 0755, found 0777 (the product needs it so)'
    >>> sentence(passed)
    'a sample: 8 of 99 other hosts'
    """
    compared = bool(finding.found or finding.expected)
    comparison = _comparison(finding.what, finding.expected, finding.found) if compared else ""
    text = ": ".join(part for part in (finding.message, comparison) if part)
    remark = f"waived: {finding.remark}" if finding.verdict is Verdict.WAIVED else finding.remark
    sample = f"a sample: {finding.sample}" if finding.sample else ""
    aside = "; ".join(part for part in (remark, sample) if part)
    return f"{text} ({aside})" if text and aside else text or aside


def _comparison(what: str, expected: str, found: str) -> str:
    return f"{what}: expected {expected}, found {found}" if what else f"expected {expected}, found {found}"
