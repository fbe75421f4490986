"""JUnit XML of a run, in the format pytest calls xunit2: one testcase per test and host, the host in its name.

A testcase's properties are where pytest's own `record_property` puts them (Jenkins' junit-10.xsd does not define them,
but Jenkins, GitLab and pytest read them). What XML forbids is no longer in a text that `plain` has made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr

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
_OUTCOMES = {
    Kind.FAIL: "failure",
    Kind.UNKNOWN: "error",
    Kind.UNREACHABLE: "error",
    Kind.NOT_RUN: "skipped",
    Kind.NA: "skipped",
}


def render(overview: Overview) -> Iterator[str]:
    """The JUnit document of a run, in pieces. With --strict a warning is a failure, as in the run's exit status."""
    run, rows = overview.ledger.run, overview.matrix
    cells = [cell for row in rows.rows for cell in row.cells.values()]
    tags = Counter(_told(cell, run.strict).tag for cell in cells)
    counts = {
        "tests": str(len(cells)),
        "time": str(round(sum(_seconds(cell) for cell in cells), 3)),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
    }
    about = {
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
    }
    name = one_line(f"dlws {run.command} {run.cluster}")
    attributes = {"name": name, "timestamp": run.started, **counts, "skipped": str(tags["skipped"])}
    yield f"<?xml version='1.0' encoding='UTF-8'?>\n{_start('testsuites', {'name': 'dlws', **counts})}>"
    yield f"{_start('testsuite', attributes)}>{_properties(about.items())}"
    for cell in cells:
        yield _testcase(cell, _told(cell, run.strict))
    yield "</testsuite></testsuites>\n"


def _element(tag: str, attributes: Mapping[str, str], inside: str) -> str:
    """An element as XML. As a tree of objects, those of 1,000 hosts would take a gigabyte, and most of a minute."""
    start = _start(tag, attributes)
    return f"{start}>{inside}</{tag}>" if inside else f"{start}/>"


def _start(tag: str, attributes: Mapping[str, str]) -> str:
    """An element's start without its `>`."""
    return f"<{tag}" + "".join([f" {name}={quoteattr(value)}" for name, value in attributes.items()])


def _testcase(cell: Cell, told: _Told) -> str:
    item = cell.item
    attributes = {"name": _name(item), "classname": one_line(matrix.group_of(item.nodeid)), "time": str(_seconds(cell))}
    return _element("testcase", attributes, _properties(_facts(item, cell.result)) + told.element)


def _seconds(cell: Cell) -> float:
    return round(cell.result.seconds if cell.result else 0.0, 3)


def _properties(properties: Iterable[tuple[str, str]]) -> str:
    return f"<properties>{''.join(_property(name, value) for name, value in properties)}</properties>"


@lru_cache(maxsize=4096)
def _property(name: str, value: str) -> str:
    """One property. Of those of a hundred hosts most are the same: each is spelt once."""
    return f'<property name="{name}" value={quoteattr(one_line(value))}/>'


def _name(item: ItemRow) -> str:
    return one_line(f"{item.name}[{item.host}]")


def _facts(item: ItemRow, result: Result | None) -> Iterator[tuple[str, str]]:
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


@dataclass(frozen=True, slots=True)
class _Told:
    """What a testcase tells beside its properties: the element of its outcome; none, `tag` "", for one that passed."""

    tag: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def element(self) -> str:
        """As XML."""
        return _element(self.tag, self.attributes, escape(self.text)) if self.tag else ""


def _told(cell: Cell, strict: bool) -> _Told:
    result, kind = cell.result, cell.kind
    if result is None:
        return _Told("skipped", {"message": "not run", "type": "NOT RUN"})
    if kind is Kind.PLANNED:
        said = clip(one_line(f"{result.sentence or 'planned'}; actions: {len(result.actions)}"), 500)
        return _Told("skipped", {"message": said, "type": "PLANNED"})
    if tag := "failure" if strict and kind is Kind.WARN else _OUTCOMES.get(kind):
        said = clip(one_line(clip(result.sentence, LONGEST)) or kind, 500)
        return _Told(tag, {"message": said, "type": result.verdict}, _text(result.sentence, result))
    if kind in _SAID:
        return _Told("system-out", text=_text(f"{_SAID[kind]}: {result.sentence}", result))
    return _Told()


def _text(message: str, result: Result) -> str:
    parts = [clip(message, LONGEST)]
    parts += [f"proof {p.name}: {p.verdict} {p.sentence}" for p in result.proofs if p.verdict != "PASS"]
    parts += [f"fix: {result.fix}"] if result.fix else []
    return "\n".join(plain(part) for part in parts)
