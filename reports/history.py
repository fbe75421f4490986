"""The results of a cluster's earlier runs, by test and host, for the history on the HTML page.

Every run writes a digest, `verdicts.json`: 35 kB for 250 checks on 100 hosts, where the ledger has 20 MB. A later run
finds its siblings by their folder names and reads only their digests. It reads the ledger of a run that has no digest
because it was killed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dlws.record import regular_file, strict_json
from dlws.record.run_folder import RecordedRun, RunFolder, RunFolderError
from reports.matrix import Kind, Row
from reports.overview import Overview

FILE = "verdicts.json"
SCHEMA = "dlws-verdicts/1"
MOST = 12  # runs
MOST_BYTES = 64 << 20  # of a digest
_FOLDER = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<command>[a-z_]+)(-again)*")
_ALIKE = ({"verify", "preflight"}, {"install", "scale_up"})  # commands that run the same tests
LETTERS = {
    Kind.UNREACHABLE: "R",
    Kind.FAIL: "F",
    Kind.UNKNOWN: "U",
    Kind.WARN: "W",
    Kind.PLANNED: "L",
    Kind.NOT_RUN: "-",
    Kind.CHANGED: "C",
    Kind.UNCHANGED: "c",
    Kind.PASS: "p",
    Kind.WAIVED: "V",
    Kind.DEVIATION: "D",
    Kind.NA: "n",
}
_KINDS = {letter: kind for kind, letter in LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier run. `rows` has for each test one letter of `LETTERS` per host of `hosts`, a blank for no result."""

    run: str
    command: str
    started: str
    hosts: tuple[str, ...]
    rows: Mapping[str, str]

    def on(self, row: Row) -> dict[str, Kind]:
        """The results of a test, by host."""
        letters = zip(self.hosts, self.rows.get(_name(row), ""), strict=False)
        return {host: _KINDS[letter] for host, letter in letters if letter in _KINDS}


def render(overview: Overview) -> str:
    """The digest of a run."""
    return json.dumps(_digest(overview), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def before(recorded: RecordedRun) -> tuple[Past, ...]:
    """The last `MOST` runs of the same tests that began before this one, oldest first, without plans and replays."""
    run = recorded.ledger.run
    earlier: list[Past] = []
    for path in _siblings(recorded.folder.path, run.command, run.audited or run.started):
        if len(earlier) < MOST and (past := _read(path, run.cluster)):
            earlier.append(past)
    return tuple(reversed(earlier))


def _siblings(folder: Path, command: str, started: str) -> Iterator[Path]:
    """The neighbouring folders of such runs, judged by name, newest first. No folder is opened."""
    commands = next((alike for alike in _ALIKE if command in alike), {command})
    with suppress(ValueError, OSError):
        stamp = f"{datetime.fromisoformat(started):%Y%m%dT%H%M%SZ}"
        for path in sorted(folder.resolve().parent.iterdir(), reverse=True):
            named = _FOLDER.fullmatch(path.name)
            if named and named["command"] in commands and named["stamp"] < stamp:
                yield path


def _read(folder: Path, cluster: str) -> Past | None:
    """A run's digest, read from its file or made from its ledger; None for any other or unreadable folder."""
    try:
        digest = strict_json.loads(regular_file.content(folder, FILE, MOST_BYTES))
    except (OSError, ValueError):
        try:
            digest = _digest(Overview(RunFolder(folder).read()))
        except RunFolderError:
            return None
    try:
        if digest["schema"] != SCHEMA or digest["cluster"] != cluster:
            return None
        hosts, rows = tuple(digest["hosts"]), dict(digest["rows"])
        texts = (digest["command"], digest["started"], *hosts, *rows.values())
        is_well_formed = all(isinstance(text, str) for text in texts)
        return Past(folder.name, digest["command"], digest["started"], hosts, rows) if is_well_formed else None
    except (KeyError, TypeError, ValueError):
        return None


def _digest(overview: Overview) -> dict[str, Any]:
    run, rows = overview.ledger.run, overview.matrix
    hosts = [host.name for host in rows.hosts]
    return {
        "schema": SCHEMA,
        "cluster": run.cluster,
        "command": run.command,
        "started": run.started,
        "hosts": hosts,
        "rows": {
            _name(row): "".join(LETTERS[row.cells[host].kind] if host in row.cells else " " for host in hosts)
            for row in rows.rows
        },
    }


def _name(row: Row) -> str:
    """The test's id and name. Not its node id, as the file may have been renamed since."""
    return f"{row.id} {row.name}".strip()
