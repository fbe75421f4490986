from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import reports
from dlws.cli import main
from dlws.record.ledger import Outcome
from dlws.record.run_folder import Command, RecordedRun, RunFolder, RunFolderError
from dlws.verdict import Verdict
from reports import record
from reports.merge import NotMergeable, merge
from tests.kits import sample_run
from tests.kits.sample_run import HOSTS, Sample, lean


def shard(*names: str, run: str) -> Sample:
    """The audit of some hosts, as --limit makes it: the control host and the cluster are judged too."""
    sample = lean(sample_run.verify(tuple(host for host in HOSTS if host.name in names), unreachable=""))
    sample.run = replace(sample.run, run=run)
    return sample


@pytest.fixture
def shards(tmp_path: Path) -> list[RunFolder]:
    npu, gpu = shard("atlas02", "atlas01", run="npu"), shard("atlas-gpu01", "atlas-gpu02", run="gpu")
    return [npu.write(tmp_path / "npu"), gpu.write(tmp_path / "gpu")]


def test_shards_make_the_run_that_one_audit_would_have_been(shards: list[RunFolder], tmp_path: Path) -> None:
    whole = lean(sample_run.verify(unreachable=""))
    whole.run = replace(whole.run, run="all")
    merged = record.build(reports.read(merge(shards, tmp_path / "all")))
    wanted = record.build(reports.read(whole.write(tmp_path / "whole")))
    assert merged.pop("hosts") != []
    assert merged == {name: value for name, value in wanted.items() if name != "hosts"}


def test_a_merged_run_names_its_parts_and_keeps_their_evidence(shards: list[RunFolder], tmp_path: Path) -> None:
    merged = merge(shards, tmp_path / "all").read()
    assert merged.ledger.run.merges == ("npu", "gpu")
    assert [host.name for host in merged.ledger.run.hosts][:3] == ["control", "atlas02", "atlas-gpu01"]
    assert all(isinstance(merged.command(reference), Command) for reference in merged.references)


def test_of_what_every_shard_judged_the_worst_counts(tmp_path: Path) -> None:
    good, bad = shard("atlas01", run="good"), shard("atlas02", run="bad")
    [at] = [n for n, result in enumerate(bad.results) if result.host == "control"][:1]
    bad.results[at] = replace(bad.results[at], verdict=Verdict.FAIL, message="broken")
    folders = [good.write(tmp_path / "good"), bad.write(tmp_path / "bad")]
    for order in (folders, folders[::-1]):
        results = {r.nodeid: r for r in merge(order, tmp_path / order[0].path.name / "all").read().ledger.results}
        assert results[bad.results[at].nodeid].message == "broken"


def test_a_shard_that_was_cut_off_leaves_the_whole_without_an_end(tmp_path: Path) -> None:
    one, cut = shard("atlas01", run="one"), shard("atlas02", run="cut")
    cut.end = None
    merged = merge([one.write(tmp_path / "one"), cut.write(tmp_path / "cut")], tmp_path / "all").read()
    assert merged.ledger.end is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cluster": "other"}, "gpu does not match: its cluster is other, that of npu is atlas"),
        ({"config_sha256": "0" * 64}, "gpu does not match: its config_sha256 is 000"),
        ({"command": "preflight"}, "gpu does not match: its command is preflight"),
        ({"selection": "-k H09"}, "gpu does not match: its selection is -k H09, that of npu is none"),
    ],
)
def test_a_foreign_run_is_refused(change: dict[str, str], words: str, tmp_path: Path) -> None:
    npu, gpu = shard("atlas01", run="npu"), shard("atlas-gpu01", run="gpu")
    gpu.run = replace(gpu.run, **change)  # type: ignore[arg-type]
    with pytest.raises(NotMergeable, match=words):
        merge([npu.write(tmp_path / "npu"), gpu.write(tmp_path / "gpu")], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_runs_that_overlap_are_refused(shards: list[RunFolder], tmp_path: Path) -> None:
    again = shard("atlas01", run="again").write(tmp_path / "again")
    with pytest.raises(NotMergeable, match="npu and again overlap: both judged atlas01"):
        merge([*shards, again], tmp_path / "all")


def test_runs_with_other_waivers_are_refused(shards: list[RunFolder], tmp_path: Path) -> None:
    shards[0].inputs.write_text('{"waivers": []}')
    shards[1].inputs.write_text(
        '{"waivers": [{"id": "H05", "host": "*", "expires": "2026-12-31"}], "today": "2026-11-24"}'
    )
    with pytest.raises(NotMergeable, match="gpu does not match: its waivers differ from those of npu"):
        merge(shards, tmp_path / "all")


def test_one_run_or_a_folder_in_use_is_refused(shards: list[RunFolder], tmp_path: Path) -> None:
    with pytest.raises(NotMergeable, match="name two or more"):
        merge(shards[:1], tmp_path / "all")
    with pytest.raises(NotMergeable, match="not empty"):
        merge(shards, tmp_path)


@pytest.fixture
def three(tmp_path: Path) -> list[Sample]:
    hosts = ("atlas01", "atlas02", "atlas-gpu01")
    samples = [shard(host, run=f"run{at}") for at, host in enumerate(hosts, 1)]
    for at, sample in enumerate(samples, 1):
        sample.run = replace(sample.run, shard=f"{at}/3")
        place = next(n for n, result in enumerate(sample.results) if result.host == "cluster")
        line = sample.record("atlas02" if at < 3 else hosts[at - 1], "main", "cat version", out=f"{at}")
        waits = replace(sample.results[place], verdict=Verdict.NOT_RUN, outcome=Outcome.GATHERED, evidence=(line,))
        sample.results[place] = waits
    return samples


def merged(samples: list[Sample], path: Path) -> RecordedRun:
    return merge([sample.write(path / sample.run.run) for sample in samples], path / "all").read()


def test_what_compares_hosts_waits_with_the_evidence_of_all(three: list[Sample], tmp_path: Path) -> None:
    run = merged(three, tmp_path)
    [waits] = [result for result in run.ledger.results if result.outcome is Outcome.GATHERED]
    assert waits.verdict is Verdict.NOT_RUN
    said = [run.command(reference) for reference in waits.evidence]
    assert [answer.out for answer in said if isinstance(answer, Command)] == ["1", "3"]  # atlas02: as the first asked
    assert run.ledger.run.shard == ""
    assert run.ledger.run.merges == ("run1", "run2", "run3")


def test_a_finding_of_one_shard_is_not_hidden_by_what_the_others_gathered(three: list[Sample], tmp_path: Path) -> None:
    place = next(n for n, result in enumerate(three[2].results) if result.outcome is Outcome.GATHERED)
    three[2].results[place] = replace(three[2].results[place], verdict=Verdict.UNKNOWN, outcome=None, message="no API")
    found = {result.key: result for result in merged(three, tmp_path).ledger.results}[three[2].results[place].key]
    assert (found.verdict, found.message, len(found.evidence)) == (Verdict.UNKNOWN, "no API", 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shard": "1/3"}, "run1 and run3 are both shard 1/3: leave out the older"),
        ({"shard": "3/4"}, "run3 does not match: it is shard 3/4, run1 is shard 1/3"),
        ({"shard": ""}, "run3 does not match: it is no shard, run1 is shard 1/3"),
        ({"started": "2026-11-23T06:30:00+00:00"}, "run1 began 24 h 00 min after run3: they are of two audits"),
        ({"items": ()}, "run3 does not match: it or run1 has no "),
    ],
)
def test_a_doubled_or_foreign_shard_is_refused(
    three: list[Sample], change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    three[2].run = replace(three[2].run, **change)
    with pytest.raises(NotMergeable, match=words):
        merged(three, tmp_path)
    assert not (tmp_path / "all").exists()


def test_the_order_in_which_shards_are_named_does_not_matter(three: list[Sample], tmp_path: Path) -> None:
    for sample, began in zip(three, ("05:30", "00:00", "11:00"), strict=True):
        sample.run = replace(sample.run, started=f"2026-11-23T{began}:00+00:00")
    with pytest.raises(NotMergeable, match="run3 began 11 h 00 min after run2"):
        merged(three, tmp_path)


def test_a_missing_shard_is_named(three: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(NotMergeable, match="shard 2/3 is missing: name the runs of all 3 shards"):
        merged([three[0], three[2]], tmp_path)


def test_a_ledger_that_lies_about_its_part_is_none(three: list[Sample], tmp_path: Path) -> None:
    three[0].run = replace(three[0].run, shard="1/999999999")
    with pytest.raises(RunFolderError, match="is none of N parts"):
        merged(three, tmp_path)


def test_the_command_says_how_to_judge_the_whole(
    three: list[Sample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(sample.write(tmp_path / sample.run.run).path) for sample in three]
    assert main(["reports", "merge", *runs, "--into", str(tmp_path / "all")]) == 0
    assert f"Now judge the whole: pytest -m verify --replay {tmp_path / 'all'}" in capsys.readouterr().out


def test_the_command_makes_the_reports_and_tells(
    shards: list[RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(folder.path) for folder in shards]
    assert main(["reports", "merge", *runs, "--into", str(tmp_path / "all")]) == 0
    assert "atlas verify: 6 findings on 2 hosts" in capsys.readouterr().out
    assert {"junit.xml", "report.html"} <= {file.name for file in (tmp_path / "all").iterdir()}
    assert main(["reports", "merge", *runs, "--into", str(tmp_path / "all")]) == 4
