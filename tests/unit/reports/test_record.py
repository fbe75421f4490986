from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import reports
from dlws.cli import main
from dlws.verdict import Mismatch, Verdict
from reports import record
from reports.record import Record
from tests.kits import sample_run
from tests.kits.sample_run import Sample, lean


def record_of(sample: Sample, folder: Path) -> Record:
    return record.build(reports.read(sample.write(folder)))


def check(made: Record, name: str, host: str) -> Record:
    [found] = [c for c in made["checks"] if (c["name"], c["host"]) == (name, host)]
    return dict(found)


def test_a_record_says_what_was_expected_and_found(tmp_path: Path) -> None:
    found = check(record_of(lean(sample_run.verify()), tmp_path), "swap_is_off", "atlas01")
    assert (found["verdict"], found["severity"]) == ("FAIL", "blocker")
    assert (found["expected"], found["found"]) == ("none", "/dev/sda3 (8 GiB)")
    assert found["fix"].startswith("swapoff -a")


@pytest.mark.parametrize(
    ("name", "host", "found", "remark"),
    [
        ("root_login_is_refused", "atlas01", "yes", "the product itself needs root's login (runbook 2.1)"),
        ("apt_mirror_answers", "atlas02", "no answer", "the mirror is opened on site; li.wei; until 2027-01-31"),
    ],
)
def test_what_an_accepted_finding_found_is_not_why_it_is_accepted(
    name: str, host: str, found: str, remark: str, tmp_path: Path
) -> None:
    told = check(record_of(lean(sample_run.verify()), tmp_path), name, host)
    assert (told["found"], told["remark"]) == (found, remark)
    assert told["message"].endswith(f", found {found} ({remark})".replace("(the mirror", "(waived: the mirror"))


def test_no_text_can_be_mistaken_for_the_words_of_a_message(tmp_path: Path) -> None:
    page = Mismatch("page", found="Oops (none)", expected="Welcome, found no problem")
    made = record_of(lean(sample_run.verify(faults={("swap_is_off", "atlas01"): (Verdict.FAIL, page)})), tmp_path)
    told = check(made, "swap_is_off", "atlas01")
    assert (told["what"], told["expected"], told["found"]) == ("page", "Welcome, found no problem", "Oops (none)")


def test_a_deviation_is_listed_with_its_reason(tmp_path: Path) -> None:
    first, *_ = record_of(lean(sample_run.verify()), tmp_path)["deviations"]
    assert (first["found"], first["remark"]) == ("yes", "the product itself needs root's login (runbook 2.1)")


def test_the_order_of_finishing_and_the_time_taken_leave_no_trace(tmp_path: Path) -> None:
    one, other = lean(sample_run.verify()), lean(sample_run.verify())
    other.results = [replace(r, seconds=r.seconds * 3, worker="gw7") for r in reversed(other.results)]
    other.run = replace(other.run, workers=9, config="/elsewhere/config.yaml")
    assert record.text(record_of(one, tmp_path / "1")) == record.text(record_of(other, tmp_path / "2"))


def test_the_digest_is_of_what_was_answered(tmp_path: Path) -> None:
    one, other = lean(sample_run.verify()), lean(sample_run.verify())
    other.evidence["atlas01.gw0.jsonl"][0] |= {"seconds": 9.9, "at": "2030-01-01"}
    other.evidence["atlas02.gw0.jsonl"][0] |= {"out": "otherwise"}
    before, after = record_of(one, tmp_path / "1"), record_of(other, tmp_path / "2")
    differing = [a["host"] for a, b in zip(before["checks"], after["checks"], strict=True) if a != b]
    assert differing == ["atlas02"]


def test_lost_evidence_is_counted(tmp_path: Path) -> None:
    sample = lean(sample_run.verify())
    del sample.evidence["atlas01.gw0.jsonl"]
    found = check(record_of(sample, tmp_path), "swap_is_off", "atlas01")
    assert found["evidence"] == {"answers": 0, "missing": 1, "sha256": ""}


def test_a_test_without_a_result_is_not_run_and_keeps_its_title(tmp_path: Path) -> None:
    sample = lean(sample_run.verify())
    [gone] = [r for r in sample.results if (r.name, r.host) == ("swap_is_off", "atlas01")]
    sample.results.remove(gone)
    found = check(record_of(sample, tmp_path), "swap_is_off", "atlas01")
    assert (found["verdict"], found["id"], found["title"]) == ("NOT RUN", gone.id, gone.title)


def test_an_install_tells_outcomes_actions_and_proofs(tmp_path: Path) -> None:
    made = record_of(sample_run.install(), tmp_path)
    [docker] = [s for s in made["stages"] if (s["name"], s["host"]) == ("docker_installed", "atlas-gpu01")]
    assert (docker["outcome"], docker["proofs"][0]["verdict"]) == ("failed", "FAIL")
    assert docker["actions"] != []
    assert made["counts"]["stages"]["failed"] == 1


def test_waivers_say_what_they_waive_and_whether_they_still_held(tmp_path: Path) -> None:
    folder = lean(sample_run.verify()).write(tmp_path)
    mirror = check(record.build(reports.read(folder)), "apt_mirror_answers", "atlas02")["id"]
    told = {"owner": "Li Wei", "reason": "on site"}
    waivers = [
        {"id": mirror, "host": "atlas*", "expires": "2027-01-31", **told},
        {"id": "H05", "host": "*", "expires": "2026-11-23", **told},
    ]
    folder.inputs.write_text(json.dumps({"today": "2026-11-24", "waivers": waivers}))
    made = record.build(reports.read(folder))["waivers"]
    assert [(w["in_force"], w["waives"]) for w in made] == [(True, ["atlas02"]), (False, [])]


def test_a_replay_has_the_run_and_the_time_of_what_it_replays(tmp_path: Path) -> None:
    sample = lean(sample_run.verify())
    again = replace(
        sample.run, run="later", started="2027-01-01T00:00:00+00:00", replays=sample.run.run, audited=sample.run.started
    )
    assert record_of(sample, tmp_path / "1") == record_of(replace(sample, run=again), tmp_path / "2")


def test_the_command_prints_canonical_json(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = lean(sample_run.verify()).write(tmp_path).path
    assert main(["reports", "json", str(folder)]) == 0
    printed = capsysbinary.readouterr().out
    whole = json.loads(printed)
    assert whole["schema"] == "dlws-record/2"
    assert printed == record.text(whole).encode()
    assert "磁盘已满".encode() in printed


def test_half_a_character_is_still_utf8() -> None:
    assert record.text({"message": "half a pair: \ud83d"}) == '{"message":"half a pair: \\ud83d"}\n'
