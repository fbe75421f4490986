"""A broken run breaks no other: not its history, not what is resumed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import reports
from dlws.engine.run import last_run
from dlws.record.run_folder import RunFolder
from reports import history
from tests.kits import sample_run

pytestmark = pytest.mark.timeout(20)  # a FIFO that is opened waits for ever

HEAD = '{"schema": "dlws-verdicts/1", "cluster": "atlas", "command": "verify", "started": "", '
BROKEN: dict[str, Callable[[Path], object]] = {
    "empty": Path.touch,
    "a FIFO": os.mkfifo,
    "a dangling link": lambda place: place.symlink_to("nowhere"),
    "deep": lambda place: place.write_text("[" * 200_000),
    "no object": lambda place: place.write_text("[]"),
    "numbers for hosts": lambda place: place.write_text(HEAD + '"hosts": [1], "rows": {"H09 swap_is_off": "p"}}'),
    "lists for letters": lambda place: place.write_text(HEAD + '"hosts": ["a"], "rows": {"H09 swap_is_off": [[]]}}'),
    "a number for letters": lambda place: place.write_text(HEAD + '"hosts": ["a"], "rows": {"H09 swap_is_off": 1}}'),
}


def written(folder: Path, day: int) -> RunFolder:
    sample = sample_run.lean(sample_run.verify())
    sample.run = replace(sample.run, started=f"2026-11-{day}T06:30:00+00:00")
    return sample.write(folder / f"202611{day}T063000Z-verify")


@pytest.mark.parametrize("file", [history.FILE, "ledger.jsonl"])
@pytest.mark.parametrize("how", BROKEN)
def test_the_history_of_a_report_passes_over_a_broken_run(how: str, file: str, tmp_path: Path) -> None:
    broken, good, last = (written(tmp_path, day) for day in (20, 21, 24))
    (broken.path / file).unlink(missing_ok=True)
    BROKEN[how](broken.path / file)
    made = reports.write_all(last)
    assert made.faults == ()
    names = [past.run for past in history.before(last.read())]
    assert good.path.name in names
    assert len(names) == (1 if file == "ledger.jsonl" else len(names))


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_run_is_not_resumed(how: str, tmp_path: Path) -> None:
    good, broken = written(tmp_path, 20), written(tmp_path, 21)
    broken.ledger.unlink()
    BROKEN[how](broken.ledger)
    assert last_run(tmp_path, "verify") == good.path
