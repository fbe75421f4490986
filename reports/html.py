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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dlws.record.ledger import HostRow, Result
from dlws.record.printable import clip, visible
from dlws.verdict import Verdict
from reports import chart, critical_path, history, matrix
from reports.history import Past
from reports.jinja import TEMPLATES, environment
from reports.marks import MARKS
from reports.matrix import Kind, Matrix, Row
from reports.moments import seconds_at, since, when
from reports.overview import Overview
from reports.page_evidence import EVIDENCE_LIMITS, PageEvidence
from reports.text import count, duration, start

MANY = 14
"""With more hosts, those that look the same share a column."""
MOST_COLUMNS = 60
"""More are on further pages of the table: it is laid out at once, and still read."""
MOST_PLACES = 60
"""Hosts of a finding that have a button each; the table leads to the others."""

SCRIPTS = ("report.js", "report_table.js", "report_events.js", "report_page.js")
"""The page's script, in the order of its parts."""


def render(overview: Overview) -> Iterator[str]:
    """The page of a run, in pieces: that of a thousand hosts is never whole in memory."""
    recorded, ledger, rows = overview.recorded, overview.ledger, overview.matrix
    past = history.before(recorded)
    place = _places(rows)
    timing = None if ledger.run.plan else critical_path.timing(ledger)
    path = dict(timing.path) if timing else {}
    evidence = PageEvidence(recorded)
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    templates = environment()
    templates.filters.update(count=count, duration=duration, when=when, slug=_slug, start=start)
    return templates.get_template("report.html.j2").generate(
        run=ledger.run,
        end=ledger.end,
        summary=overview.summary,
        matrix=rows,
        place=place,
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
        data=_object(_data(overview, place, past) | {"missing": evidence.missing}),
        details=map(_json, _details_by_host(rows, ledger.run.started)),
        texts=_array(evidence.texts),
        evidence=((file, _json(commands)) for file, commands in evidence.blocks()),
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
        yield _slug(min(counts, key=order.index)) if counts else "none", f"{when(run.started)} {run.command}: {words}"


def columns(rows: Matrix) -> list[list[HostRow]]:
    """The hosts of each column: one each or, of many, those that look the same."""
    return matrix.fold(rows.hosts, rows.rows) if len(rows.hosts) > MANY else [[host] for host in rows.hosts]


def _places(rows: Matrix) -> Callable[[Result], int]:
    """Gives the number by which the page knows a result: its row times the number of hosts plus its host's column."""
    row_of = {row.key: place for place, row in enumerate(rows.rows)}
    host_of = {host.name: place for place, host in enumerate(rows.hosts)}
    return lambda result: row_of[result.id or result.name] * len(host_of) + host_of[result.host]


def _data(overview: Overview, place: Callable[[Result], int], past: Sequence[Past]) -> dict[str, Any]:
    """The data for the page's script. Times are seconds since the run's start.

    A row's `cells` has one letter for each host, and each of its `past` one string of them for an earlier run; `said`
    are the places in `words` of its messages, by the host's place. `findings` are those of the page in their order.
    """
    run, rows = overview.ledger.run, overview.matrix
    words: dict[str, int] = {}
    host_of = {host.name: place for place, host in enumerate(rows.hosts)}
    return {
        "run": run.run,
        "began": seconds_at(run.started),
        "many": MANY,
        "most": MOST_COLUMNS,
        "past": [[run.run, run.command, when(run.started)] for run in past],
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
        "findings": [
            [place(result) for result in f.results] for group in overview.summary.groups for f in group.findings
        ],
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
        "at": since(result.started, began),
        "seconds": result.seconds,
        "worker": result.worker,
        "proofs": [[proof.id, proof.name, _proof_kind(proof.verdict), proof.sentence] for proof in result.proofs],
        "actions": [[action.text, action.seconds] for action in result.actions],
        "evidence": result.evidence,
    }
    return {name: value for name, value in details.items() if value}


def _proof_kind(verdict: Verdict) -> str:
    return _slug(matrix.kind_of_verdict(verdict))


def _object(data: Mapping[str, Any]) -> Iterator[Markup]:
    """The JSON of an object, piece by piece: a list in it has one for each value."""
    for place, (name, value) in enumerate(data.items()):
        yield Markup(",{}:" if place else "{{{}:").format(_json(name))
        yield from _array(value) if isinstance(value, list) else (_json(value),)
    yield Markup("}")


def _array(values: Iterable[Any]) -> Iterator[Markup]:
    """The JSON of an array, piece by piece."""
    yield Markup("[")
    for place, value in enumerate(values):
        yield (Markup(",") if place else Markup("")) + _json(value)
    yield Markup("]")


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


def _slug(kind: Kind) -> str:
    return kind.value.replace(" ", "-").replace("/", "")
