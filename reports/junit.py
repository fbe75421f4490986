# mypy: allow-untyped-calls
"""JUnit XML of a run, in the format pytest calls xunit2: one testcase per test and host, the host in its name.

A testcase's properties are where pytest's own `record_property` puts them (Jenkins' junit-10.xsd does not define them,
but Jenkins, GitLab and pytest read them). junitparser keeps characters that XML forbids; `plain` does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO

from junitparser import Error, Failure, Skipped
from junitparser.junitparser import FinalResult
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite

from dlws.record.ledger import ItemRow, Result
from dlws.record.printable import clip, one_line, plain
from reports import matrix
from reports.matrix import Cell, Kind
from reports.overview import Overview

# Longer messages are cut in the middle; the ledger has the full text.
LONGEST = 20_000

_SAID = {
    Kind.WARN: "WARN: the check failed; its severity does not fail the run",
    Kind.WAIVED: "WAIVED: the check failed and is waived",
    Kind.DEVIATION: "DEVIATION: the product itself contradicts this rule",
}


def render(overview: Overview) -> str:
    """The JUnit document of a run. With --strict a warning is a failure, as in the run's exit status."""
    run, rows = overview.ledger.run, overview.matrix
    suite = TestSuite(one_line(f"dlws {run.command} {run.cluster}"))
    suite.timestamp = run.started
    for name, value in {
        "run": run.run,
        "cluster": run.cluster,
        "command": run.command,
        "config": run.config,
        "config_sha256": run.config_sha256,
        "suite_version": run.suite_version,
        **({"replays": run.replays, "audited": run.audited} if run.replays else {}),
        "plan": str(run.plan).lower(),
        "strict": str(run.strict).lower(),
        "verdict": overview.summary.headline,
    }.items():
        suite.add_property(name, one_line(value))
    cells = (cell for row in rows.rows for cell in row.cells.values())
    cases = _Cases()
    written = [cases.written(_testcase(cell, run.strict)) for cell in cells]
    document = JUnitXml("dlws")
    document.add_testsuite(suite)
    cases.count_in(suite)
    cases.count_in(document)
    xml = BytesIO()
    document.write(xml)
    before, end, after = xml.getvalue().decode().rpartition("</testsuite>")
    return "".join([before, *written, end, after, "\n"])


class _Cases:
    """The statistics of testcases that are written one by one: as a tree, those of 1,000 hosts take a gigabyte."""

    def __init__(self) -> None:
        self.tests, self.time = 0, 0.0
        self.results = Counter[type]()

    def written(self, case: TestCase) -> str:
        """The testcase as XML, once it is counted."""
        self.tests += 1
        self.time += case.time or 0.0
        self.results.update(type(result) for result in case.result)
        return str(case.tostring().decode())

    def count_in(self, whole: TestSuite | JUnitXml) -> None:
        """Write the statistics into the element that holds the testcases."""
        whole.tests, whole.time = self.tests, round(self.time, 3)
        whole.failures, whole.errors = self.results[Failure], self.results[Error]
        whole.skipped = self.results[Skipped]


def _testcase(cell: Cell, strict: bool) -> TestCase:
    item, result = cell.item, cell.result
    case = TestCase(_name(item), one_line(matrix.group_of(item.nodeid)), round(result.seconds if result else 0.0, 3))
    for name, value in _properties(item, result):
        case.add_property(name, one_line(value))
    if outcome := _outcome(cell, strict):
        case.result = outcome
    elif cell.kind in _SAID and result:
        case.system_out = _text(f"{_SAID[cell.kind]}: {result.sentence}", result)
    return case


def _name(item: ItemRow) -> str:
    return one_line(f"{item.name}[{item.host}]")


def _properties(item: ItemRow, result: Result | None) -> Iterator[tuple[str, str]]:
    yield "host", item.host
    yield "verdict", result.verdict if result else "NOT RUN"
    if not result:
        return
    yield "severity", result.severity
    if result.id:
        yield "id", result.id
    if result.section:
        yield "section", result.section
    if result.outcome:
        yield "outcome", result.outcome
    if result.sample:
        yield "sample", result.sample
    yield "duration", f"{result.seconds:.3f}"
    yield "actions", str(len(result.actions))
    for reference in result.evidence:
        yield "evidence", f"evidence/{reference}"


def _outcome(cell: Cell, strict: bool) -> FinalResult | None:
    result, kind = cell.result, cell.kind
    if result is None:
        return Skipped("not run", "NOT RUN")
    if kind is Kind.PLANNED:
        return Skipped(
            clip(one_line(f"{result.sentence or 'planned'}; actions: {len(result.actions)}"), 500), "PLANNED"
        )
    make = {
        Kind.FAIL: Failure,
        Kind.UNKNOWN: Error,
        Kind.UNREACHABLE: Error,
        Kind.NOT_RUN: Skipped,
        Kind.NA: Skipped,
        **({Kind.WARN: Failure} if strict else {}),
    }.get(kind)
    if make is None:
        return None
    outcome: FinalResult = make(clip(one_line(clip(result.sentence, LONGEST)) or kind, 500), result.verdict)
    outcome.text = _text(result.sentence, result)
    return outcome


def _text(message: str, result: Result) -> str:
    parts = [clip(message, LONGEST)]
    parts += [f"proof {p.name}: {p.verdict} {p.sentence}" for p in result.proofs if p.verdict != "PASS"]
    parts += [f"fix: {result.fix}"] if result.fix else []
    return "\n".join(plain(part) for part in parts)
