from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlws.record.run_folder import OUT, Command, RunFolder, RunFolderError, find_run, latest_run
from tests.kits import sample_run


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    sample = sample_run.verify()
    ledger = sample.write(tmp_path).read().ledger
    assert ledger.run == sample.run
    assert list(ledger.results) == sample.results
    assert ledger.end == sample.end


def test_what_a_kill_left_beside_a_lost_host_is_no_host(tmp_path: Path) -> None:
    folder = sample_run.verify().write(tmp_path)
    (folder.path / "lost").mkdir(exist_ok=True)
    (folder.path / "lost/atlas01").write_text("H01[atlas01]")
    (folder.path / "lost/.atlas01.1f2e").write_text("H0")
    assert folder.lost() == {"atlas01": "H01[atlas01]"}


def test_a_folder_without_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no ledger\.jsonl here"):
        RunFolder(tmp_path).read()


def test_a_ledger_with_a_bad_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    folder = sample_run.verify().write(tmp_path)
    lines = folder.ledger.read_text("utf-8").splitlines(keepends=True)
    folder.ledger.write_text("".join([*lines[:3], "{broken\n", *lines[3:]]), "utf-8")
    with pytest.raises(RunFolderError, match=r"ledger\.jsonl: cannot be read"):
        folder.read()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_ledger_torn_inside_a_chinese_character_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    sample = sample_run.verify()
    folder = sample.write(tmp_path)
    whole = folder.ledger.read_bytes()
    last = whole.rindex("主机可连接".encode())
    folder.ledger.write_bytes(whole[: last + cut])
    assert list(folder.read().ledger.results) == sample.results[:-1]


def test_evidence_is_found_by_its_reference(tmp_path: Path) -> None:
    sample = sample_run.verify()
    reference = sample.record("atlas01", "gw3", "cat /proc/swaps", out="Filename\n", rc=0)
    found = sample.write(tmp_path).read().command(reference)
    assert isinstance(found, Command)
    assert (found.command, found.out, found.rc, found.changes) == ("cat /proc/swaps", "Filename\n", 0, False)


def test_output_that_is_not_utf8_is_shown_byte_by_byte(tmp_path: Path) -> None:
    sample = sample_run.verify()
    reference = sample.record("atlas01", "gw3", "date", out_base64="sbG+qQ==")
    found = sample.write(tmp_path).read().command(reference)
    assert isinstance(found, Command)
    assert found.out == r"\xb1\xb1\xbe\xa9"
    assert found.encoded


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("atlas09.gw0.jsonl#1", "evidence/atlas09.gw0.jsonl is missing"),
        ("atlas01.gw0.jsonl#9999", "evidence/atlas01.gw0.jsonl has no command 9999"),
        ("atlas01.gw0.jsonl", "evidence/atlas01.gw0.jsonl has no command (none named)"),
        ("../ledger.jsonl#1", "not the name of an evidence file: '../ledger.jsonl'"),
        ("", "not the name of an evidence file: ''"),
    ],
)
def test_evidence_that_is_not_there_is_said_in_words(tmp_path: Path, reference: str, said: str) -> None:
    assert sample_run.verify().write(tmp_path).read().command(reference) == said


FIRST = '{"n": 1, "command": "x", "rc": 0, "out": "", "err": "", "timed_out": false, "truncated": false, "seconds": %s}'


@pytest.mark.parametrize(
    "torn",
    [
        '{"n": 1, "comm',
        "[]",
        "",
        '{"n": 1}',
        '{"n": 1, "command": "x", "out_base64": "?"}',
        "[" * 9999,
        FIRST % "NaN",
        FIRST % "1e999",
        FIRST % ("9" * 400),
    ],
)
def test_evidence_goes_on_after_a_line_that_a_kill_tore(tmp_path: Path, torn: str) -> None:
    folder = sample_run.verify().write(tmp_path)
    file = folder.evidence / "atlas01.gw0.jsonl"
    file.write_text(torn + "\n" + file.read_text("utf-8").partition("\n")[2], "utf-8")
    recorded = folder.read()
    assert recorded.command("atlas01.gw0.jsonl#1") == "evidence/atlas01.gw0.jsonl has no command 1"
    assert isinstance(recorded.command("atlas01.gw0.jsonl#2"), Command)


def test_latest_is_the_run_that_started_last(tmp_path: Path) -> None:
    for number, cluster in ((1, "atlas"), (3, "atlas"), (2, "other")):
        sample = sample_run.plan()
        sample.run = replace(sample.run, started=f"2026-11-2{number}T00:00:00+00:00")
        sample.write(tmp_path / cluster / f"run-{9 - number}")
    assert latest_run(tmp_path).path == tmp_path / "atlas" / "run-6"
    assert latest_run(tmp_path, "other").path == tmp_path / "other" / "run-7"


def test_runs_are_looked_for_where_they_are_written(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.rootpath / "reports" / "out" == OUT


def test_latest_says_when_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run of cluster atlas yet \(`pytest -m verify` makes one\)"):
        latest_run(tmp_path, "atlas")


@pytest.mark.parametrize("torn", ["", '{"event": "ru', "[]", "WHOLE FIRST LINE{broken\n{broken\n"])
def test_latest_skips_what_cannot_be_read_and_says_so(
    torn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sample_run.plan().write(tmp_path / "atlas" / "good")
    broken = sample_run.verify()
    broken.run = replace(broken.run, started="2027-01-01T00:00:00+00:00")
    ledger = broken.write(tmp_path / "atlas" / "torn").ledger
    ledger.write_text(torn.replace("WHOLE FIRST LINE", ledger.read_text("utf-8").partition("\n")[0] + "\n"), "utf-8")
    assert latest_run(tmp_path) == good
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"skipped: {ledger}")


def test_a_run_is_found_by_its_name_or_its_folder(tmp_path: Path) -> None:
    for cluster, name in (("atlas", "one"), ("atlas", "two"), ("other", "two")):
        sample_run.plan().write(tmp_path / cluster / name)
    assert find_run("one", tmp_path).path == tmp_path / "atlas" / "one"
    assert find_run("two", tmp_path, "other").path == tmp_path / "other" / "two"
    assert find_run(str(tmp_path / "atlas" / "two"), tmp_path).path == tmp_path / "atlas" / "two"
    with pytest.raises(RunFolderError, match="two: runs of atlas, other; name the folder"):
        find_run("two", tmp_path)
    with pytest.raises(RunFolderError, match="three: no folder, and no run of this name"):
        find_run("three", tmp_path)
