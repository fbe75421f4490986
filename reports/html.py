"""One self-contained HTML page of a run: it fetches nothing, works from a file without a network, and prints well.

The template makes the page, and its script the cells of the table: of the columns that are looked at, at most
`MOST_COLUMNS` at a time, because a thousand columns are nobody's table. The script's data are in JSON blocks: one for
the run, with one letter for each result; one for each host, with the details that a click opens; one for each evidence
file, with the answers; and one with their texts, each stored once because many hosts give the same answer. All but the
first are parsed when first needed. Text that came from hosts is contained twice: Jinja escapes it, and the
Content-Security-Policy runs no script but ours (by its hash) and fetches nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from dlws.record.ledger import HostRow, Result
from dlws.record.printable import clip, visible
from dlws.record.run_folder import Command, RecordedRun
from dlws.verdict import Verdict
from reports import chart, critical_path, history, matrix
from reports.excerpt import Excerpt
from reports.history import Past
from reports.jinja import TEMPLATES, environment
from reports.marks import MARKS
from reports.matrix import Kind, Matrix, Row
from reports.overview import Overview
from reports.text import count, duration

# The most characters kept of one output, for a finding and for any other test. The first pair with which all evidence
# fits into `EVIDENCE_TOTAL` is used.
EVIDENCE_LIMITS = ((24_000, 24_000), (24_000, 4_000), (24_000, 1_000), (6_000, 400), (1_500, 200), (400, 100))
EVIDENCE_TOTAL = 8_000_000
# The screenshot taken on the control host (check D42), as base64. It must not be clipped.
_PICTURE = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]+={0,2}\s*")
PICTURE_LIMIT = 600_000

MANY = 14
"""With more hosts, those that look the same share a column."""
MOST_COLUMNS = 60
"""More are on further pages of the table: it is laid out at once, and still read."""
MOST_PLACES = 60
"""Hosts of a finding that have a button each; the table leads to the others."""

SCRIPTS = ("report.js", "report_table.js", "report_events.js", "report_page.js")
"""The page's script, in the order of its parts."""


def render(overview: Overview) -> str:
    """The page of a run."""
    recorded, ledger, rows = overview.recorded, overview.ledger, overview.matrix
    past = history.before(recorded)
    places = _places(rows)
    timing = None if ledger.run.plan else critical_path.timing(ledger)
    path = dict(timing.path) if timing else {}
    blocks, texts, missing = _evidence(recorded)
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    templates = environment()
    templates.filters.update(count=count, duration=duration, when=_when, slug=_slug)
    return templates.get_template("report.html.j2").render(
        run=ledger.run,
        end=ledger.end,
        summary=overview.summary,
        matrix=rows,
        place=lambda result: places[result.key],
        row_of={row.key: place for place, row in enumerate(rows.rows)},
        most_places=MOST_PLACES,
        columns=columns(rows)[:MOST_COLUMNS],
        tables=[table for table in (("Stages", rows.stages), ("Checks", rows.checks)) if table[1]],
        by_area=matrix.by_area,
        past=past,
        dots={row.key: list(_dots(row, past)) for row in rows.rows} if past else {},
        severities=Counter(row.sample.severity for row in rows.checks if row.sample),
        kinds=Counter(host.kind for host in rows.hosts if host.kind),
        roles=Counter(host.role for host in rows.hosts if host.address and host.name not in matrix.NO_HOSTS),
        timing=timing,
        steps=[(r, path[r.key]) for r in ledger.results if r.stage and r.key in path],
        chart=chart.timeline(rows.hosts, [result for result in ledger.results if result.stage], path),
        no_hosts=matrix.NO_HOSTS,
        matrix_kind=matrix.kind_of,
        marks=MARKS,
        data=_json(_data(overview, places, past) | {"missing": missing}),
        details=[_json(details) for details in _details_by_host(rows, ledger.run.started)],
        texts=_json(texts),
        evidence=[(file, _json(commands)) for file, commands in blocks.items()],
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _dots(row: Row, past: Sequence[Past]) -> Iterator[tuple[str, str]]:
    """For each earlier run the CSS class of the test's worst result, and a description of the run."""
    order = list(Kind)
    for run in past:
        counts = Counter(run.on(row).values())
        words = ", ".join(f"{counts[kind]} {kind}" for kind in order if counts[kind]) or "had no such test"
        yield _slug(min(counts, key=order.index)) if counts else "none", f"{_when(run.started)} {run.command}: {words}"


def columns(rows: Matrix) -> list[list[HostRow]]:
    """The hosts of each column: one each or, of many, those that look the same."""
    return matrix.fold(rows.hosts, rows.rows) if len(rows.hosts) > MANY else [[host] for host in rows.hosts]


def _places(rows: Matrix) -> dict[str, int]:
    """By key the number by which the page knows a test on a host: its row times the number of hosts plus its column."""
    host_of = {host.name: place for place, host in enumerate(rows.hosts)}
    return {
        cell.item.key: place * len(host_of) + host_of[host]
        for place, row in enumerate(rows.rows)
        for host, cell in row.cells.items()
    }


def _data(overview: Overview, places: Mapping[str, int], past: Sequence[Past]) -> dict[str, Any]:
    """The data for the page's script. Times are seconds since the run's start.

    A row's `cells` has one letter for each host, and each of its `past` one string of them for an earlier run; `said`
    are the places in `words` of its messages, by the host's place. `findings` are those of the page in their order.
    """
    run, rows = overview.ledger.run, overview.matrix
    words: dict[str, int] = {}
    host_of = {host.name: place for place, host in enumerate(rows.hosts)}
    return {
        "run": run.run,
        "began": _seconds_at(run.started),
        "many": MANY,
        "most": MOST_COLUMNS,
        "past": [[run.run, run.command, _when(run.started)] for run in past],
        "letters": {letter: _slug(kind) for kind, letter in history.LETTERS.items()},
        "hosts": [[host.name, host.address, host.kind, host.role] for host in rows.hosts],
        "rows": [
            {
                "key": row.key,
                "name": row.name,
                "id": row.id,
                "section": row.section,
                "area": row.area,
                "title": row.title,
                "stage": row.is_stage,
                "cells": _letters(rows, {host: cell.kind for host, cell in row.cells.items()}),
                "said": {
                    host_of[host]: words.setdefault(said, len(words))
                    for host, cell in row.cells.items()
                    if (said := _message(cell.result))
                },
                **({"title_zh": row.sample.title_zh, "source": row.sample.source} if row.sample else {}),
                **({"severity": row.sample.severity} if row.sample and not row.is_stage else {}),
                **({"past": [_letters(rows, run.on(row)) for run in past]} if past else {}),
            }
            for row in rows.rows
        ],
        "words": list(words),
        "findings": [[places[r.key] for r in f.results] for group in overview.summary.groups for f in group.findings],
        "marks": {_slug(kind): [mark.glyph, kind] for kind, mark in MARKS.items()},
    }


def _message(result: Result | None) -> str:
    if result is None:
        return "collected, but no result was recorded"
    return clip(result.sentence, EVIDENCE_LIMITS[0][0])


def _details_by_host(rows: Matrix, began: str) -> Iterator[dict[int, dict[str, Any]]]:
    """What a click on a cell shows beside its message: for each host in order, by the row's place."""
    for host in rows.hosts:
        cells = ((place, row.cells.get(host.name)) for place, row in enumerate(rows.rows))
        yield {place: _details(cell.result, began) for place, cell in cells if cell and cell.result}


def _letters(rows: Matrix, kinds: Mapping[str, Kind]) -> str:
    return "".join(history.LETTERS[kinds[host.name]] if host.name in kinds else " " for host in rows.hosts).rstrip()


def _details(result: Result, began: str) -> dict[str, Any]:
    details = {
        "fix": result.fix if result.verdict is not Verdict.PASS and result.sentence else "",
        "outcome": result.outcome or "",
        "at": _since(result.started, began),
        "seconds": result.seconds,
        "worker": result.worker,
        "proofs": [[proof.id, proof.name, _proof_kind(proof.verdict), proof.sentence] for proof in result.proofs],
        "actions": [[action.text, action.seconds] for action in result.actions],
        "evidence": result.evidence,
    }
    return {name: value for name, value in details.items() if value}


def _proof_kind(verdict: Verdict) -> str:
    return _slug(matrix.kind_of_verdict(verdict))


def _evidence(recorded: RecordedRun) -> tuple[dict[str, dict[int, Any]], list[str], dict[str, str]]:
    """The commands that results refer to, by file and number; their texts; and why any of them cannot be shown."""
    read = {ref: _shortened(ref, command) for ref, command in recorded.commands()}
    missing = {ref: why for ref in recorded.references if isinstance(why := read[ref], str)}
    commands = {ref: command for ref in recorded.references if not isinstance(command := read[ref], str)}
    shown = {ref for result in recorded.ledger.results if _is_finding(result) for ref in result.evidence}
    of_findings = {text for ref, command in commands.items() if ref in shown for text in (command.out, command.err)}
    others = {text for command in commands.values() for text in (command.out, command.err)} - of_findings
    limits = next((pair for pair in EVIDENCE_LIMITS if _fit(of_findings, others, pair)), EVIDENCE_LIMITS[-1])
    texts: dict[str, int] = {}
    blocks: dict[str, dict[int, Any]] = {}
    for ref, command in commands.items():
        limit = limits[0] if command.out in of_findings or command.err in of_findings else limits[1]
        limit = command.most if command.most == PICTURE_LIMIT else limit
        details = command.details(limit, recorded.ledger.run.started)
        for name in ("command", "out", "err"):  # in this order: the page has the same bytes each time
            if name in details:
                details[name] = texts.setdefault(details[name], len(texts))
        blocks.setdefault(ref.partition("#")[0], {})[command.asked.n] = details
    return blocks, list(texts), missing


@dataclass(frozen=True, slots=True)
class _Shortened:
    """A command whose texts are cut to `most` characters; `asked` is the command without them."""

    asked: Command
    most: int
    out: Excerpt
    err: Excerpt

    def details(self, limit: int, began: str) -> dict[str, Any]:
        asked = self.asked
        details = {
            "command": clip(asked.command, limit),
            "rc": asked.rc,
            "out": self.out.clipped(limit),
            "err": self.err.clipped(limit),
            "at": _since(asked.at, began),
            "seconds": asked.seconds,
            "timed_out": asked.timed_out,
            "truncated": asked.truncated,
            "encoded": asked.encoded,
            "changes": asked.changes,
        }
        return {name: value for name, value in details.items() if value or name == "rc"}


def _shortened(ref: str, command: Command | str) -> _Shortened | str:
    """A command as far as the page can show it; a reason why it cannot be shown stays as it is."""
    if isinstance(command, str):
        return command
    picture = ref.startswith("control.") and _PICTURE.fullmatch(command.out)
    most = PICTURE_LIMIT if picture else EVIDENCE_LIMITS[0][0]
    texts = (Excerpt.of(text, most) for text in (command.out, command.err))
    return _Shortened(replace(command, out="", err=""), most, *texts)


def _is_finding(result: Result) -> bool:
    return result.verdict.is_red or result.verdict is Verdict.WARN


def _fit(of_findings: Iterable[Excerpt], others: Iterable[Excerpt], limits: tuple[int, int]) -> bool:
    pairs = ((of_findings, limits[0]), (others, limits[1]))
    return sum(min(text.length, limit) for texts, limit in pairs for text in texts) <= EVIDENCE_TOTAL


def _json(data: Any) -> Markup:
    """JSON that is safe inside `<script type="application/json">`: no `<`, `>`, `&` and no invisible characters."""
    text = json.dumps(_shown(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _shown(data: Any) -> Any:
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {visible(key) if isinstance(key, str) else key: _shown(value) for key, value in data.items()}
    return [_shown(value) for value in data] if isinstance(data, list | tuple) else data


def _seconds_at(moment: str) -> float | None:
    """Seconds since the epoch; None if `moment` is not an ISO 8601 time."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def _since(moment: str, began: str) -> float | None:
    at, zero = _seconds_at(moment), _seconds_at(began)
    return None if at is None or zero is None else round(at - zero, 3)


def _when(started: str) -> str:
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return started


def _slug(kind: Kind) -> str:
    return kind.value.replace(" ", "-").replace("/", "")
