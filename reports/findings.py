"""What went wrong, in the order in which to fix it: causes first, each with what it explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dlws.record.ledger import Result
from dlws.verdict import Severity, Verdict
from reports.matrix import Kind, Matrix, Row, in_order, kind_of

_WEIGHTS = list(Severity)
_KINDS = list(Kind)


@dataclass(frozen=True, slots=True)
class Gap:
    """Tests that were not run for the same reason, and the hosts on which exactly these are missing."""

    reason: str
    hosts: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One test that failed in one way, and every host it failed on. `fix` is the same for all of them.

    `explains` are the tests that were not run because of it: once it is fixed, they can be judged.
    """

    row: Row
    kind: Kind
    fix: str
    results: tuple[Result, ...]
    explains: tuple[Gap, ...] = ()

    @property
    def by_message(self) -> dict[str, list[Result]]:
        """The results, grouped by their message."""
        together: dict[str, list[Result]] = {}
        for result in self.results:
            together.setdefault(result.sentence or "no message", []).append(result)
        return together

    @property
    def severity(self) -> Severity:
        """The severity of the check."""
        return self.results[0].severity

    @property
    def is_cause(self) -> bool:
        """Whether fixing it also fixes something else."""
        return self.kind is Kind.UNREACHABLE or bool(self.explains)

    @property
    def explained(self) -> int:
        """How many tests were not run because of it."""
        return sum(len(gap.hosts) * len(gap.rows) for gap in self.explains)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings to be fixed together, before those of the next group."""

    title: str
    findings: tuple[Finding, ...]


def collect(matrix: Matrix) -> tuple[tuple[Finding, ...], tuple[Gap, ...]]:
    """Every finding, warnings included, in the order in which to fix them; and the gaps that no finding explains.

    Lost hosts come first, then what explains most, then by severity, FAIL before UNKNOWN, then in the runbook's order.
    """
    wrong: dict[tuple[str, Kind, str], list[tuple[Row, Result]]] = {}
    for row, result in _results(matrix):
        if result.verdict.is_red or result.verdict is Verdict.WARN:
            wrong.setdefault((row.key, kind_of(result), result.fix), []).append((row, result))
    place = {result.key: key for key, members in wrong.items() for _, result in members}
    by_key = {result.key: result for _, result in _results(matrix)}
    roots: dict[str, str] = {}
    missing: dict[tuple[str, Kind, str] | None, list[tuple[Row, str]]] = {}
    for row in matrix.rows:
        for host, cell in row.cells.items():
            if cell.kind is Kind.NOT_RUN:
                missing.setdefault(place.get(_root(cell.result, by_key, roots)), []).append((row, host))
    findings = [
        Finding(members[0][0], key[1], key[2], tuple(result for _, result in members), _gaps(missing.get(key, ())))
        for key, members in wrong.items()
    ]
    return tuple(sorted(findings, key=_rank)), _gaps(missing.get(None, ()))


def accepted(matrix: Matrix) -> tuple[Finding, ...]:
    """The stages that went on with a finding that a waiver covers, in the runbook's order."""
    waived: dict[str, tuple[Row, list[Result]]] = {}
    for row, result in _results(matrix):
        if result.verdict is Verdict.WAIVED and row.is_stage:
            waived.setdefault(row.key, (row, []))[1].append(result)
    return tuple(Finding(row, Kind.WAIVED, "", tuple(results)) for row, results in waived.values())


def grouped(findings: Iterable[Finding], remarks: Iterable[Finding]) -> tuple[Group, ...]:
    """Findings under their headings: causes, all else that is red, then warnings, what was accepted, and notes."""
    red, slight = tuple(findings), tuple(remarks)
    causes = tuple(f for f in red if f.is_cause)
    others = tuple(f for f in red if not f.is_cause)
    groups = (
        Group("Fix this first", causes or others),
        Group("Fix next", others if causes else ()),
        Group("Warnings", tuple(f for f in slight if f.kind is Kind.WARN and f.severity is not Severity.INFO)),
        Group("Accepted by waivers.yaml", tuple(f for f in slight if f.kind is Kind.WAIVED)),
        Group("Notes", tuple(f for f in slight if f.kind is Kind.WARN and f.severity is Severity.INFO)),
    )
    return tuple(group for group in groups if group.findings)


def _results(matrix: Matrix) -> Iterator[tuple[Row, Result]]:
    return ((row, cell.result) for row in matrix.rows for cell in row.cells.values() if cell.result)


def _root(result: Result | None, by_key: dict[str, Result], roots: dict[str, str]) -> str:
    """The key of the test that is the root cause of one not being run; empty if there is none.

    `roots` are those that are known, by key; a chain of n tests would take n² steps without them.
    """
    chain: list[str] = []
    while result and result.follows and result.verdict is Verdict.NOT_RUN and result.key not in roots:
        roots[result.key] = result.key  # where a circle ends
        chain.append(result.key)
        result = by_key.get(result.follows)
    root = roots.get(result.key, result.key if chain else "") if result else ""
    roots |= dict.fromkeys(chain, root)
    return root


def _rank(finding: Finding) -> tuple[bool, int, int, int, tuple[int, ...]]:
    lost = finding.kind is Kind.UNREACHABLE
    weight, kind = _WEIGHTS.index(finding.severity), _KINDS.index(finding.kind)
    return (not lost, -finding.explained, weight, kind, in_order(finding.row.section))


def _gaps(missing: Iterable[tuple[Row, str]]) -> tuple[Gap, ...]:
    """Group by host and reason, then join hosts that miss the same tests for the same reason."""
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row, host in missing:
        result = row.cells[host].result
        reason = result.sentence or "no reason given" if result else "collected, but no result was recorded"
        reasons.setdefault((host, reason), []).append(row)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_key = {row.key: row for rows in reasons.values() for row in rows}
    for (host, reason), rows in reasons.items():
        together.setdefault((reason, tuple(row.key for row in rows)), []).append(host)
    return tuple(
        Gap(reason, tuple(hosts), tuple(by_key[key] for key in keys)) for (reason, keys), hosts in together.items()
    )
