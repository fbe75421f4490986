"""One self-contained HTML page of a run: nothing is fetched, it works from a file, without a network, and prints well.

The page is made by the template; what a click opens is in JSON blocks beside it, one for the run and one per evidence
file, the latter parsed when first needed. Two locks against text that came from hosts: Jinja escapes, and the page's
Content-Security-Policy runs no script but ours (by its hash) and fetches nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cluster.ledger import Result
from cluster.verdict import Verdict
from reports import chart, matrix, summary
from reports.marks import MARKS
from reports.matrix import Cell, Kind, Matrix
from reports.run_folder import Command, RecordedRun
from reports.text import clip, count, duration, visible

TEMPLATES = Path(__file__).parent / "templates"

# Characters of one output that the page holds; the first limit with which all evidence fits into `EVIDENCE_TOTAL`.
EVIDENCE_LIMITS = (24_000, 6_000, 1_500, 400)
EVIDENCE_TOTAL = 16_000_000


def render(recorded: RecordedRun) -> str:
    """The page of a run."""
    ledger, rows = recorded.ledger, matrix.of(recorded.ledger)
    cells = [cell for row in rows.rows for cell in row.cells.values()]
    places = {cell.item.nodeid: place for place, cell in enumerate(cells)}
    blocks, missing = _evidence(recorded)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else visible(value),
    )
    environment.filters.update(count=count, duration=duration, when=_when, slug=_slug)
    return environment.get_template("report.html.j2").render(
        run=ledger.run,
        end=ledger.end,
        summary=summary.of(ledger, rows),
        matrix=rows,
        places=places,
        tables=[table for table in (("Stages", rows.stages), ("Checks", rows.checks)) if table[1]],
        by_area=matrix.by_area,
        folds={host.name: group for group in matrix.fold(rows.hosts, rows.rows) for host in group},
        chart=chart.of(rows.hosts, [result for result in ledger.results if result.stage]),
        no_hosts=matrix.NO_HOSTS,
        matrix_kind=matrix.kind_of,
        marks=MARKS,
        data=_json(_data(rows, cells, missing)),
        evidence=[(file, _json(commands)) for file, commands in blocks.items()],
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _data(rows: Matrix, cells: Iterable[Cell], missing: dict[str, str]) -> dict[str, Any]:
    """What the page's script reads. A cell is [row, host, kind, details]; empty details are left out."""
    row_of = {cell.item.nodeid: place for place, row in enumerate(rows.rows) for cell in row.cells.values()}
    host_of = {host.name: place for place, host in enumerate(rows.hosts)}
    return {
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
                **({"title_zh": row.sample.title_zh, "source": row.sample.source} if row.sample else {}),
                **({"severity": row.sample.severity} if row.sample and not row.is_stage else {}),
            }
            for row in rows.rows
        ],
        "cells": [[row_of[c.item.nodeid], host_of[c.item.host], _slug(c.kind), _details(c.result)] for c in cells],
        "marks": {_slug(kind): [mark.glyph, kind] for kind, mark in MARKS.items()},
        "missing": missing,
    }


def _details(result: Result | None) -> dict[str, Any]:
    if result is None:
        return {"message": "collected, but no result was recorded"}
    details = {
        "message": clip(result.message, EVIDENCE_LIMITS[0]),
        "fix": result.fix if result.verdict.is_red or result.message else "",
        "outcome": result.outcome or "",
        "started": result.started,
        "seconds": result.seconds,
        "worker": result.worker,
        "proofs": [[proof.id, proof.name, _proof_kind(proof.verdict), proof.message] for proof in result.proofs],
        "actions": [[action.text, action.seconds] for action in result.actions],
        "evidence": result.evidence,
    }
    return {name: value for name, value in details.items() if value}


def _proof_kind(verdict: Verdict) -> str:
    return _slug(matrix.kind_of_verdict(verdict))


def _evidence(recorded: RecordedRun) -> tuple[dict[str, dict[int, Any]], dict[str, str]]:
    """The commands that results refer to, by file and number; and for each that cannot be shown, why."""
    found: dict[str, Command] = {}
    missing: dict[str, str] = {}
    for reference in recorded.references:
        command = recorded.command(reference)
        if isinstance(command, str):
            missing[reference] = command
        else:
            found[reference] = command
    sizes = [len(text) for command in found.values() for text in (command.out, command.err)]
    fitting = (limit for limit in EVIDENCE_LIMITS if sum(min(size, limit) for size in sizes) <= EVIDENCE_TOTAL)
    limit = next(fitting, EVIDENCE_LIMITS[-1])
    blocks: dict[str, dict[int, Any]] = {}
    for reference, command in found.items():
        blocks.setdefault(reference.partition("#")[0], {})[command.n] = _command(command, limit)
    return blocks, missing


def _command(command: Command, limit: int) -> dict[str, Any]:
    details = {
        "command": clip(command.command, limit),
        "rc": command.rc,
        "out": clip(command.out, limit),
        "err": clip(command.err, limit),
        "at": command.at,
        "seconds": command.seconds,
        "timed_out": command.timed_out,
        "truncated": command.truncated,
        "encoded": command.encoded,
        "changes": command.changes,
    }
    return {name: value for name, value in details.items() if value or name == "rc"}


def _json(data: Any) -> Markup:
    """JSON that is safe inside `<script type="application/json">`: no `<`, `>`, `&`, and no character that hides."""
    text = json.dumps(_shown(data), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _shown(data: Any) -> Any:
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {visible(key) if isinstance(key, str) else key: _shown(value) for key, value in data.items()}
    return [_shown(value) for value in data] if isinstance(data, list | tuple) else data


def _when(started: str) -> str:
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return started


def _slug(kind: Kind) -> str:
    return kind.value.replace(" ", "-").replace("/", "")
