"""The summary of a run: its verdict in one sentence, its counts, and what to fix first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dlws.record.ledger import Ledger, Outcome
from dlws.verdict import Verdict
from reports import findings
from reports.findings import Finding, Gap, Group
from reports.matrix import Kind, Matrix
from reports.text import count

NO_HOST_IN_WORDS = {"cluster": "the whole cluster", "control": "the control host"}
NOTHING_RUN = 5
"""pytest's exit status where no test was collected."""


class State(StrEnum):
    """The overall state of a run. Only GOOD is green."""

    GOOD = "good"
    BAD = "bad"
    INCOMPLETE = "incomplete"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Summary:
    """The top of every report. `findings` make the run red; `remarks` (warnings, what a waiver let pass) do not.

    `gaps` are the tests not run that no finding explains; the others belong to the finding that explains them.
    """

    state: State
    headline: str
    counts: dict[Kind, int]
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    gaps: tuple[Gap, ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        """Findings and remarks under their headings, in the order in which to fix them."""
        return findings.grouped(self.findings, self.remarks)


def summarise(ledger: Ledger, matrix: Matrix) -> Summary:
    """The summary of a run. With --strict a warning is a finding."""
    counts = Counter(cell.kind for row in matrix.rows for cell in row.cells.values())
    wrong, gaps = findings.collect(matrix)
    red = {Kind.UNREACHABLE, Kind.FAIL, Kind.UNKNOWN} | ({Kind.WARN} if ledger.run.strict else set())
    bad = tuple(f for f in wrong if f.kind in red)
    state, headline = _verdict(ledger, bad, counts)
    if ledger.run.shard:
        headline = f"Shard {ledger.run.shard}: {headline}"
    return Summary(
        state=state,
        headline=headline,
        counts={kind: counts[kind] for kind in Kind if counts[kind]},
        findings=bad,
        remarks=(*(f for f in wrong if f.kind not in red), *findings.accepted(matrix)),
        gaps=gaps,
    )


def _verdict(ledger: Ledger, bad: tuple[Finding, ...], counts: Counter[Kind]) -> tuple[State, str]:
    """Green only if the run completed, nothing is red, and every collected test has a result."""
    end, plan = ledger.end, ledger.run.plan
    wrong = f"{count(sum(len(f.results) for f in bad), 'finding')} on {_places(bad)}"
    missing = f"{count(counts[Kind.NOT_RUN], 'test')} not run"
    if end is None:
        return State.BAD if bad else State.INCOMPLETE, _joined("Cut off before its end", wrong, missing, bad)
    if end.exit_status == 2:
        return State.BAD if bad else State.INCOMPLETE, _joined("Interrupted", wrong, missing, bad)
    if end.exit_status == NOTHING_RUN:
        return State.BAD, f"Nothing was run: {end.reason or 'no test was collected'}"
    if end.exit_status not in (0, 1):
        return State.BAD, f"The suite itself failed (exit status {end.exit_status}): {end.reason or 'no reason given'}"
    if bad:
        return State.BAD, f"{wrong}, {missing}" if counts[Kind.NOT_RUN] else wrong
    if end.exit_status:
        return State.BAD, f"The run failed (exit status 1): {end.reason or 'no test gives a reason'}"
    if not counts:
        return State.INCOMPLETE, "Nothing was checked"
    if plan:
        return State.PLANNED, _planned(ledger) + (f"; {missing}" if counts[Kind.NOT_RUN] else "")
    left = sum(result.outcome is Outcome.GATHERED for result in ledger.results)
    if ledger.run.shard and counts[Kind.NOT_RUN] == left:
        return State.INCOMPLETE, f"No finding on its hosts; {count(left, 'check')} left to the whole"
    if counts[Kind.NOT_RUN]:
        return State.INCOMPLETE, f"No finding, but {missing}"
    return State.GOOD, _good(ledger, counts)


def _places(bad: Iterable[Finding]) -> str:
    """Where the findings are: `2 hosts`, `the whole cluster`, `2 hosts and the control host`."""
    where = {result.host for finding in bad for result in finding.results}
    hosts = where.difference(NO_HOST_IN_WORDS)
    others = [words for name, words in NO_HOST_IN_WORDS.items() if name in where]
    *first, last = [*([count(len(hosts), "host")] if hosts or not others else []), *others]
    return f"{', '.join(first)} and {last}" if first else last


def _joined(start: str, wrong: str, missing: str, bad: tuple[Finding, ...]) -> str:
    return f"{start}: {wrong}, {missing}" if bad else f"{start}: {missing}"


def _planned(ledger: Ledger) -> str:
    actions = sum(len(result.actions) for result in ledger.results)
    hosts = len({result.host for result in ledger.results if result.actions})
    if not actions:
        return "Nothing to do: every stage holds already"
    return f"{count(actions, 'action')} planned on {count(hosts, 'host')}; nothing was changed"


def _good(ledger: Ledger, counts: Counter[Kind]) -> str:
    stages = sum(result.stage for result in ledger.results)
    warnings = f", {count(counts[Kind.WARN], 'warning')}" if counts[Kind.WARN] else ""
    if not stages:
        return f"No finding in {count(len(ledger.results), 'check')}{warnings}"
    waived = [r for r in ledger.results if r.stage and r.verdict is Verdict.WAIVED]
    warnings += f", {count(len(waived), 'stage')} with an accepted finding" if waived else ""
    altered = sum(r.stage and r.outcome is Outcome.CHANGED for r in ledger.results)
    changed = f"{altered:,} changed" if altered else "nothing changed"
    held = "The stage holds" if stages == 1 else f"All {count(stages, 'stage')} hold"
    return f"{held}, {changed}{warnings}"
