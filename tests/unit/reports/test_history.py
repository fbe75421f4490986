from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import reports
from dlws.record.ledger import Ledger
from dlws.record.run_folder import RecordedRun, RunFolder
from dlws.verdict import Verdict
from reports import history, matrix
from reports.matrix import Kind, Row
from tests.kits import sample_run
from tests.kits.sample_run import Sample


def write(sample: Sample, path: Path, days: int, command: str = "") -> RunFolder:
    """A run that began so many days before the sample's, in a folder named as the engine names it."""
    started = sample_run.START - timedelta(days=days)
    name = f"{started:%Y%m%dT%H%M%SZ}-{command or sample.run.command}"
    sample.run = replace(sample.run, started=started.isoformat(), run=name)
    return sample.write(path / name)


def digested(folder: RunFolder) -> RunFolder:
    """The same with its digest, as after its end."""
    (folder.path / history.FILE).write_text(history.render(reports.read(folder)), "utf-8")
    return folder


def today(path: Path) -> RecordedRun:
    return write(sample_run.verify(), path, 0).read()


def row(ledger: Ledger, name: str) -> Row:
    return next(row for row in matrix.build(ledger).rows if row.name == name)


def test_an_earlier_run_tells_what_each_check_came_to_on_each_host(tmp_path: Path) -> None:
    digested(write(sample_run.verify(), tmp_path, 1))
    run = today(tmp_path)
    (past,) = history.before(run)
    assert (past.run, past.command) == ("20261123T063000Z-verify", "verify")
    assert past.on(row(run.ledger, "swap_is_off")) == {
        "atlas02": Kind.PASS,
        "atlas01": Kind.FAIL,
        "atlas-gpu01": Kind.PASS,
        "atlas-gpu02": Kind.NOT_RUN,
    }


def test_a_digest_says_the_same_as_the_ledger(tmp_path: Path) -> None:
    folder = write(sample_run.verify(), tmp_path, 1)
    run = today(tmp_path)
    from_ledger = history.before(run)
    digested(folder)
    folder.ledger.unlink()
    assert history.before(run) == from_ledger != ()


def test_a_ledger_is_not_opened_where_there_is_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(1, 4):
        digested(write(sample_run.verify(), tmp_path, days))
    run = today(tmp_path)
    monkeypatch.setattr(RunFolder, "read", lambda self: pytest.fail(f"{self.path} was read"))
    assert len(history.before(run)) == 3


def test_every_kind_has_a_letter_of_its_own() -> None:
    assert set(history.LETTERS) == set(Kind)
    assert len(set(history.LETTERS.values())) == len(Kind)
    assert " " not in history.LETTERS.values()


def test_the_last_runs_are_shown_oldest_first(tmp_path: Path) -> None:
    for days in range(1, history.MOST + 4):
        write(sample_run.lean(sample_run.verify(sample_run.HOSTS[:1], "")), tmp_path, days)
    started = [past.started[:10] for past in history.before(today(tmp_path))]
    assert len(started) == history.MOST
    assert started == sorted(started)
    assert started[-1] == "2026-11-23"


def test_preflight_and_verify_share_one_history(tmp_path: Path) -> None:
    preflight, replayed, planned = sample_run.verify(), sample_run.verify(), sample_run.verify()
    preflight.run = replace(preflight.run, command="preflight")
    write(preflight, tmp_path, 1)
    write(sample_run.install(), tmp_path, 2)
    write(planned, tmp_path, 3, "verify-plan")
    write(replayed, tmp_path, 4, "verify-replay")
    write(sample_run.verify(), tmp_path, -1)
    assert [past.command for past in history.before(today(tmp_path))] == ["preflight"]


def test_a_foreign_a_broken_and_an_empty_folder_are_passed_over(tmp_path: Path) -> None:
    foreign = sample_run.verify()
    foreign.run = replace(foreign.run, cluster="other")
    digested(write(foreign, tmp_path, 1))
    (tmp_path / "20261120T063000Z-verify").mkdir()
    for name, digest in {"20261119T063000Z-verify": "{", "20261118T063000Z-verify": '{"schema": "x"}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / history.FILE).write_text(digest)
    (tmp_path / "notes.txt").write_text("a file of a person")
    assert history.before(today(tmp_path)) == ()


def test_what_a_run_did_not_have_is_not_ok(tmp_path: Path) -> None:
    other = sample_run.verify(sample_run.HOSTS[:1], "", {})
    other.results = [replace(r, verdict=Verdict.PASS) for r in other.results if r.name != "swap_is_off"]
    other.run = replace(other.run, items=())
    digested(write(other, tmp_path, 1))
    run = today(tmp_path)
    (past,) = history.before(run)
    assert past.on(row(run.ledger, "swap_is_off")) == {}
    assert past.on(row(run.ledger, "swap_stays_off")) == {"atlas02": Kind.PASS}


def test_a_digest_of_a_hundred_hosts_is_small(tmp_path: Path) -> None:
    run = sample_run.lean(sample_run.verify(sample_run.room(100), "node017")).write(tmp_path)
    digest = history.render(reports.read(run))
    assert len(digest) < 10_000
    assert json.loads(digest)["rows"]["H09 swap_is_off"].count("p") == 99
