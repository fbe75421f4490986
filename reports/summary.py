"""A run in words and figures: its verdict in one sentence, its counts, and what to fix first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cluster.ledger import Ledger, Result
from cluster.verdict import Verdict
from reports.matrix import Kind, Matrix, Row
from reports.text import count


class State(StrEnum):
    """The colour of a whole run. Only GOOD is green."""

    GOOD = "good"
    BAD = "bad"
    INCOMPLETE = "incomplete"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Finding:
    """One test that went wrong in one way, and every host it went wrong on. `fix` is the same for all of them."""

    row: Row
    kind: Kind
    fix: str
    results: tuple[Result, ...]

    @property
    def by_message(self) -> dict[str, list[Result]]:
        """The results that say the same, together; the host's name at the start of a message is left out."""
        together: dict[str, list[Result]] = {}
        for result in self.results:
            message = result.message.removeprefix(f"{result.host}: ")
            together.setdefault(message or "no message", []).append(result)
        return together


@dataclass(frozen=True, slots=True)
class Gap:
    """Tests that were not run for one reason, on the hosts where the same ones are missing."""

    reason: str
    hosts: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the top of every report says. `findings` make the run red; `remarks` (warnings) do not."""

    state: State
    headline: str
    counts: dict[Kind, int]
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    gaps: tuple[Gap, ...]


def of(ledger: Ledger, matrix: Matrix) -> Summary:
    """The summary of a run. Under --strict a warning is a finding."""
    found = Counter(cell.kind for row in matrix.rows for cell in row.cells.values())
    groups = _grouped(matrix)
    red = {Kind.UNREACHABLE, Kind.FAIL, Kind.UNKNOWN} | ({Kind.WARN} if ledger.run.strict else set())
    findings = tuple(sorted((f for f in groups if f.kind in red), key=lambda f: f.kind is not Kind.UNREACHABLE))
    state, headline = _verdict(ledger, findings, found)
    return Summary(
        state=state,
        headline=headline,
        counts={kind: found[kind] for kind in Kind if found[kind]},
        findings=findings,
        remarks=tuple(f for f in groups if f.kind is Kind.WARN and f not in findings),
        gaps=tuple(_gaps(matrix)),
    )


def _grouped(matrix: Matrix) -> list[Finding]:
    groups: dict[tuple[str, Kind, str], tuple[Row, list[Result]]] = {}
    for row in matrix.rows:
        for cell in row.cells.values():
            if cell.result and (cell.result.verdict.is_red or cell.result.verdict is Verdict.WARN):
                groups.setdefault((row.key, cell.kind, cell.result.fix), (row, []))[1].append(cell.result)
    return [Finding(row, kind, fix, tuple(results)) for (_, kind, fix), (row, results) in groups.items()]


def _gaps(matrix: Matrix) -> Iterator[Gap]:
    """What was not run: first by host and reason, then hosts that miss the same tests for the same reason together."""
    missing: dict[tuple[str, str], list[Row]] = {}
    for row in matrix.rows:
        for host, cell in row.cells.items():
            if cell.kind is Kind.NOT_RUN:
                reason = cell.result.message if cell.result else "collected, but no result was recorded"
                missing.setdefault((host, reason or "no reason given"), []).append(row)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_key = {row.key: row for row in matrix.rows}
    for (host, reason), rows in missing.items():
        together.setdefault((reason, tuple(row.key for row in rows)), []).append(host)
    for (reason, keys), hosts in together.items():
        yield Gap(reason, tuple(hosts), tuple(by_key[key] for key in keys))


def _verdict(ledger: Ledger, findings: tuple[Finding, ...], found: Counter[Kind]) -> tuple[State, str]:
    """Green only when the run ended well, nothing is red, and everything that was collected has a result."""
    end, plan = ledger.end, ledger.run.plan
    hosts = {result.host for finding in findings for result in finding.results}
    wrong = f"{count(sum(len(f.results) for f in findings), 'finding')} on {count(len(hosts), 'host')}"
    missing = f"{count(found[Kind.NOT_RUN], 'test')} not run"
    if end is None:
        return State.BAD if findings else State.INCOMPLETE, _joined("Cut off before its end", wrong, missing, findings)
    if end.exit_status == 2:
        return State.BAD if findings else State.INCOMPLETE, _joined("Interrupted", wrong, missing, findings)
    if end.exit_status not in (0, 1):
        return State.BAD, f"The suite itself failed (exit status {end.exit_status}): {end.reason or 'no reason given'}"
    if findings:
        return State.BAD, f"{wrong}, {missing}" if found[Kind.NOT_RUN] else wrong
    if end.exit_status:
        return State.BAD, f"The run failed (exit status 1): {end.reason or 'no test tells why'}"
    if not found:
        return State.INCOMPLETE, "Nothing was checked"
    if plan:
        return State.PLANNED, _planned(ledger) + (f"; {missing}" if found[Kind.NOT_RUN] else "")
    if found[Kind.NOT_RUN]:
        return State.INCOMPLETE, f"No finding, but {missing}"
    return State.GOOD, _good(ledger, found)


def _joined(start: str, wrong: str, missing: str, findings: tuple[Finding, ...]) -> str:
    return f"{start}: {wrong}, {missing}" if findings else f"{start}: {missing}"


def _planned(ledger: Ledger) -> str:
    actions = sum(len(result.actions) for result in ledger.results)
    hosts = len({result.host for result in ledger.results if result.actions})
    if not actions:
        return "Nothing to do: every stage holds already"
    return f"{count(actions, 'action')} planned on {count(hosts, 'host')}; nothing was changed"


def _good(ledger: Ledger, found: Counter[Kind]) -> str:
    stages = sum(result.stage for result in ledger.results)
    warnings = f", {count(found[Kind.WARN], 'warning')}" if found[Kind.WARN] else ""
    if not stages:
        return f"No finding in {count(len(ledger.results), 'check')}{warnings}"
    changed = f"{found[Kind.CHANGED]:,} changed" if found[Kind.CHANGED] else "nothing changed"
    return f"All {count(stages, 'stage')} hold, {changed}{warnings}"
