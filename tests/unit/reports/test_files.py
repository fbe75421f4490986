from __future__ import annotations

from pathlib import Path

import pytest

import reports
from dlws.cli import main
from dlws.record.run_folder import RecordedRun
from tests.kits import sample_run


def test_write_all_makes_every_report(tmp_path: Path) -> None:
    written = reports.write_all(sample_run.verify().write(tmp_path))
    assert written.faults == ()
    assert [file.name for file in written.files] == ["junit.xml", "report.html"]
    assert all(file.stat().st_size > 1000 for file in written.files)
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["evidence", "junit.xml", "ledger.jsonl", "report.html", "verdicts.json"]


def test_a_fault_in_one_report_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: RecordedRun) -> str:
        raise ZeroDivisionError("no such mark")

    monkeypatch.setitem(reports.RENDERERS, "junit.xml", broken)
    written = reports.write_all(sample_run.verify().write(tmp_path))
    assert [file.name for file in written.files] == ["report.html"]
    assert written.faults == ("junit.xml could not be made: ZeroDivisionError: no such mark",)


def test_a_run_without_a_ledger_is_a_fault_not_an_exception(tmp_path: Path) -> None:
    written = reports.write_all(tmp_path)
    assert written.files == ()
    assert "no ledger.jsonl here" in written.faults[0]


def test_a_write_that_fails_leaves_the_old_report(tmp_path: Path) -> None:
    file = reports.write(tmp_path / "report.html", "old")
    with pytest.raises(UnicodeEncodeError):
        reports.write(file, "new \udcff")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_run_makes_the_same_bytes(tmp_path: Path) -> None:
    folder = sample_run.verify().write(tmp_path)
    first = {file.name: file.read_bytes() for file in reports.write_all(folder).files}
    assert {file.name: file.read_bytes() for file in reports.write_all(folder).files} == first


def test_the_command_shows_the_latest_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample_run.verify().write(tmp_path / "atlas" / "one")
    assert main(["reports", "--out", str(tmp_path), "show", "latest"]) == 0
    assert "atlas verify: 7 findings on 3 hosts" in capsys.readouterr().out


@pytest.mark.parametrize(("report", "name"), [("html", "report.html"), ("junit", "junit.xml")])
def test_the_command_makes_a_report_again(
    report: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sample_run.verify().write(tmp_path)
    assert main(["reports", report, str(folder.path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / name)
    assert main(["reports", report, str(folder.path), "-o", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy").read_bytes() == (tmp_path / name).read_bytes()


def test_the_command_prints_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reports", "plan", str(sample_run.plan().write(tmp_path).path)]) == 0
    assert "nothing was changed" in capsys.readouterr().out


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reports", "show", str(tmp_path / "nowhere")]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_usage_has_the_exit_status_of_usage() -> None:
    assert main(["reports", "paint", "latest"]) == 4
