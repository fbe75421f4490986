from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import reports
from dlws.cli import main
from reports import prometheus
from tests.kits import sample_run
from tests.kits.sample_run import START, Faults, Sample, lean

Samples = dict[str, list[tuple[dict[str, str], float]]]


def metrics(run: Sample, folder: Path) -> Samples:
    """What Prometheus reads of a run: the samples by name."""
    found: Samples = {}
    for family in text_string_to_metric_families(prometheus.render(reports.read(run.write(folder)))):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_every_check_on_every_host_has_its_verdict(tmp_path: Path) -> None:
    run = lean(sample_run.verify())
    verdicts = metrics(run, tmp_path)["dlws_check_verdict"]
    assert len(verdicts) == len(run.results)
    about = {"cluster": "atlas", "host": "atlas01", "id": "H09", "check": "swap_is_off", "severity": "blocker"}
    assert ({**about, "verdict": "FAIL"}, 1.0) in verdicts


def test_checks_are_counted_by_verdict_and_those_of_none_are_zero(tmp_path: Path) -> None:
    counts = {labels["verdict"]: value for labels, value in metrics(lean(sample_run.verify()), tmp_path)["dlws_checks"]}
    assert (counts["UNREACHABLE"], counts["UNKNOWN"], counts["WARN"], counts["N/A"]) == (1, 1, 2, 0)


def test_a_run_tells_when_it_was_how_long_it_took_and_whether_it_is_green(tmp_path: Path) -> None:
    found = metrics(lean(sample_run.verify(unreachable="", faults={})), tmp_path)
    run = {"cluster": "atlas", "command": "verify"}
    assert found["dlws_run_start_timestamp_seconds"] == [(run, START.timestamp())]
    assert found["dlws_run_duration_seconds"] == [(run, 187.4)]
    assert found["dlws_run_info"][0][0]["run"] == "20261124T063000Z-verify"


@pytest.mark.parametrize(("status", "faults", "green"), [(0, {}, 1), (1, None, 0)])
def test_green_is_a_run_without_a_finding(status: int, faults: Faults | None, green: int, tmp_path: Path) -> None:
    run = lean(sample_run.verify(unreachable="", faults=faults))
    assert run.end
    run.end = replace(run.end, exit_status=status)
    assert metrics(run, tmp_path)["dlws_run_green"][0][1] == green


def test_a_run_that_was_cut_off_has_no_duration_and_is_not_green(tmp_path: Path) -> None:
    run = lean(sample_run.verify(unreachable="", faults={}))
    run.end = None
    found = metrics(run, tmp_path)
    assert "dlws_run_duration_seconds" not in found
    assert found["dlws_run_green"][0][1] == 0


def test_a_replay_has_the_time_of_what_it_replays_and_no_duration(tmp_path: Path) -> None:
    run = lean(sample_run.verify())
    run.run = replace(run.run, replays="then", audited="2026-01-01T00:00:00+00:00")
    found = metrics(run, tmp_path)
    assert found["dlws_run_start_timestamp_seconds"][0][1] == datetime.fromisoformat(run.run.audited).timestamp()
    assert "dlws_run_duration_seconds" not in found


def test_a_hostile_name_stays_a_label(tmp_path: Path) -> None:
    run = lean(sample_run.verify())
    run.results[0] = replace(run.results[0], id='H"} 0\n# evil \\')
    assert run.results[0].id in {labels["id"] for labels, _ in metrics(run, tmp_path)["dlws_check_verdict"]}


def test_the_command_prints_or_writes_whole_files(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = lean(sample_run.verify()).write(tmp_path / "run")
    assert main(["reports", "prometheus", str(folder.path)]) == 0
    printed = capsysbinary.readouterr().out
    assert main(["reports", "prometheus", str(folder.path), "-o", str(tmp_path / "dlws.prom")]) == 0
    assert (tmp_path / "dlws.prom").read_bytes() == printed
    assert (tmp_path / "dlws.prom").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("file", [".", "..", "/"])
def test_a_folder_is_no_file_to_write(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lean(sample_run.verify()).write(tmp_path / "run")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["reports", "json", str(folder.path), "-o", file]) == 4
    said = capsys.readouterr().err
    assert said.startswith(f"dlws reports: {file}: ")
    assert said.endswith("name another file or folder\n")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name.startswith(".")) == []


@pytest.mark.parametrize("file", ["pipe", "link"])
def test_what_is_no_file_is_not_replaced_by_one(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lean(sample_run.verify()).write(tmp_path / "run")
    os.mkfifo(tmp_path / "pipe")  # as /dev/null, which a test had better not put at risk
    (tmp_path / "link").symlink_to("pipe")
    assert main(["reports", "json", str(folder.path), "-o", str(tmp_path / file)]) == 4
    assert capsys.readouterr().err.endswith("/pipe: a FIFO, not a regular file; name another file or folder\n")
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    folder = lean(sample_run.verify()).write(tmp_path / "run")
    (tmp_path / "link").symlink_to("record.json")
    assert main(["reports", "json", str(folder.path), "-o", str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "record.json").read_text().startswith("{")
