"""The judgement on a check or stage, and the one place where a `Result` is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlws.record.ledger import ActionRow, ItemRow, Outcome, Proof, Result
from dlws.verdict import Mismatch, Severity, Verdict, sentence

TEXTS = ("what", "found", "expected", "message", "remark", "sample")
"""The fields of a finding with what a host may have said."""
LONGEST = 4096  # characters of one text of a result; a host may have said a thousand times as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one test and its reason (a `dlws.verdict.Finding`).

    `outcome` is what a stage did, `follows` the key of the test whose finding explains this one. `fix` is None to keep
    the fix that the check declares.
    """

    verdict: Verdict
    what: str = ""
    found: str = ""
    expected: str = ""
    message: str = ""
    remark: str = ""
    sample: str = ""
    outcome: Outcome | None = None
    fix: str | None = None
    follows: str = ""
    proofs: tuple[Proof, ...] = ()

    @property
    def sentence(self) -> str:
        """The finding as one sentence; empty for a plain PASS."""
        return sentence(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The facts about a test that are known before it runs."""

    item: ItemRow
    severity: Severity = Severity.BLOCKER
    title_zh: str = ""
    source: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a test ran: the worker, the start (UTC, ISO 8601), the seconds it took, its actions and its evidence."""

    worker: str
    started: str = ""
    seconds: float = 0.0
    actions: Sequence[ActionRow] = ()
    evidence: Sequence[str] = ()


def failed(mismatch: Mismatch) -> Judgement:
    """The judgement for a Mismatch: FAIL, with its fields."""
    return Judgement(verdict=Verdict.FAIL, what=mismatch.what, found=mismatch.found, expected=mismatch.expected)


def clipped(text: str) -> str:
    """The text; if longer than `LONGEST` characters, its beginning, with the number of all of them."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 96]} ... (cut here; {len(text)} characters, see the evidence)"


def result_of(declared: Declared, judgement: Judgement, course: Course) -> Result:
    """The result of a test, from its declaration, its judgement and its course."""
    item = declared.item
    return Result(
        nodeid=item.nodeid,
        name=item.name,
        host=item.host,
        stage=item.stage,
        verdict=judgement.verdict,
        started=course.started,
        seconds=course.seconds,
        worker=course.worker,
        id=item.id,
        section=item.section,
        severity=declared.severity,
        title=item.title,
        title_zh=declared.title_zh,
        source=declared.source,
        fix=declared.fix if judgement.fix is None else judgement.fix,
        what=judgement.what,
        found=judgement.found,
        expected=judgement.expected,
        message=judgement.message,
        remark=judgement.remark,
        sample=judgement.sample,
        outcome=judgement.outcome,
        proofs=judgement.proofs,
        actions=tuple(course.actions),
        evidence=tuple(dict.fromkeys(course.evidence)),
        follows=judgement.follows,
    )
