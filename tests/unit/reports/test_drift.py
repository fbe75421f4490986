from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import reports
from dlws.cli import main
from dlws.verdict import Mismatch, Verdict
from reports import answers, drift, record
from reports.drift import Drift, NotComparable
from tests.kits import sample_run
from tests.kits.sample_run import HOSTS, Faults, Sample, lean

SWAP = ("swap_is_off", "atlas01")
NONE: Faults = {}


def audit(faults: Faults = NONE, hosts: tuple[sample_run.HostRow, ...] = HOSTS) -> Sample:
    """An audit with these faults and no others."""
    return lean(sample_run.verify(hosts, unreachable="", faults=faults))


@pytest.fixture
def between(tmp_path: Path) -> Callable[[Sample, Sample], Drift]:
    """The drift of two runs."""

    def compare(before: Sample, after: Sample) -> Drift:
        return drift.between(
            *(record.build(reports.read(run.write(tmp_path / n))) for n, run in (("a", before), ("b", after)))
        )

    return compare


def shown(found: Drift) -> str:
    out = io.StringIO()
    drift.show(found, Console(file=out, width=100))
    return out.getvalue()


Between = Callable[[Sample, Sample], Drift]


def test_the_same_audit_twice_has_no_drift(between: Between) -> None:
    found = between(audit(), audit())
    assert found.is_none
    assert "Nothing changed" in shown(found)


def test_a_new_finding_names_check_host_and_reason(between: Between) -> None:
    found = between(audit(), audit({SWAP: (Verdict.FAIL, Mismatch("swap", found="/dev/sda3", expected="none"))}))
    assert [change.is_new_finding for change in found.changes] == [True]
    text = shown(found)
    assert "New findings" in text
    assert "H09 swap_is_off: PASS -> FAIL on atlas01" in text
    assert "swap: expected none, found /dev/sda3" in text


def test_a_gone_finding_says_what_it_was(between: Between) -> None:
    text = shown(between(audit({SWAP: (Verdict.FAIL, Mismatch("swap", found="/dev/sda3", expected="none"))}), audit()))
    assert "Resolved findings" in text
    assert "was: swap: expected none, found /dev/sda3" in text


def test_another_fact_under_the_same_verdict_is_shown_beside_the_old_one(between: Between) -> None:
    before = audit({SWAP: (Verdict.FAIL, Mismatch("swap", found="/dev/sda3", expected="none"))})
    found = between(before, audit({SWAP: (Verdict.FAIL, Mismatch("swap", found="/dev/sdb1", expected="none"))}))
    assert [change.is_of_facts for change in found.changes] == [True]
    assert "expected none, found /dev/sdb1\n    was: /dev/sda3" in "\n".join(map(str.rstrip, shown(found).splitlines()))


def test_an_accepted_finding_is_another_verdict(between: Between) -> None:
    fault = (Verdict.FAIL, Mismatch("swap", found="/dev/sda3", expected="none"))
    found = between(audit({SWAP: fault}), audit({SWAP: (Verdict.WAIVED, "waived")}))
    assert [change.is_gone_finding for change in found.changes] == [True]


def test_a_new_and_a_missing_host_are_named_and_their_checks_are_not(between: Between) -> None:
    found = between(audit(hosts=HOSTS[:3]), audit(hosts=(HOSTS[0], HOSTS[1], HOSTS[3])))
    assert found.hosts == {"atlas-gpu01": "missing", "atlas-gpu02": "new"}
    assert (found.changes, found.checks, found.is_none) == ((), (), False)


def test_a_host_with_another_address_is_another_host(between: Between) -> None:
    moved = (*HOSTS[:3], replace(HOSTS[3], address="192.168.3.99"))
    assert between(audit(), audit(hosts=moved)).hosts == {"atlas-gpu02": "address 192.168.3.3 -> 192.168.3.99"}


def test_a_check_that_only_one_run_has_is_named(between: Between) -> None:
    after = audit()
    gone = [item for item in after.run.items if item.name == SWAP[0]]
    after.run = replace(after.run, items=tuple(item for item in after.run.items if item not in gone))
    after.results = [result for result in after.results if result.name != SWAP[0]]
    found = between(audit(), after)
    assert {(check["name"], how) for check, how in found.checks} == {(SWAP[0], "missing")}
    assert "H09 swap_is_off: missing (PASS) on atlas01, atlas02, atlas-gpu01, atlas-gpu02" in shown(found)


def test_a_file_that_was_renamed_is_no_drift(between: Between) -> None:
    after = audit()
    after.results = [replace(r, nodeid=r.nodeid.replace("swap.py", "memory.py")) for r in after.results]
    after.run = replace(
        after.run,
        items=tuple(replace(item, nodeid=item.nodeid.replace("swap.py", "memory.py")) for item in after.run.items),
    )
    assert between(audit(), after).is_none


def test_what_hosts_say_steers_no_terminal(between: Between) -> None:
    text = shown(between(audit(), audit({SWAP: (Verdict.FAIL, sample_run.HOSTILE)})))
    assert not {"\x1b", "\x00", "\u202e"} & set(text)


@pytest.mark.parametrize(("name", "value"), [("cluster", "other"), ("command", "preflight")])
def test_runs_of_another_kind_are_not_compared(between: Between, name: str, value: str) -> None:
    other = audit()
    other.run = replace(other.run, **{name: value})
    with pytest.raises(NotComparable, match=value):
        between(audit(), other)


def test_installs_are_not_compared(between: Between) -> None:
    with pytest.raises(NotComparable, match="are not audits: mode install"):
        between(sample_run.install(), sample_run.install())


def test_the_exit_status_is_for_a_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = {"a": audit(), "b": audit(), "c": audit({SWAP: (Verdict.FAIL, "it swaps")})}
    for name, run in runs.items():
        run.write(tmp_path / "atlas" / name)
    out = ["--out", str(tmp_path), "diff"]
    assert [main(["reports", *out, *pair]) for pair in (("a", "b"), ("a", "c"), ("a", "nowhere"))] == [0, 1, 4]
    assert "nowhere: no folder, and no run of this name" in capsys.readouterr().err


def asked(out: str, err: str = "", rc: int = 0) -> Sample:
    """An audit in which a check was judged by this answer of atlas01."""
    made = audit()
    [at] = [n for n, result in enumerate(made.results) if (result.name, result.host) == SWAP]
    reference = made.record("atlas01", "gw0", "lsblk", out=out, err=err, rc=rc)
    made.results[at] = replace(made.results[at], evidence=(reference,))
    return made


def compared(before: Sample, after: Sample, folder: Path) -> list[str]:
    runs = [run.write(folder / name).read() for name, run in (("a", before), ("b", after))]
    return [line for differing in answers.between(*runs) for line in differing.lines]


def test_commands_that_were_answered_otherwise_are_shown_line_by_line(tmp_path: Path) -> None:
    assert compared(asked("sda\nsdb\n"), asked("sda\nsdc\n"), tmp_path / "1") == ["- sdb", "+ sdc"]
    assert compared(asked("sda\n"), asked("sda\n", rc=32), tmp_path / "2") == ["+ exit status 32"]


def test_the_order_of_lines_is_no_other_answer(tmp_path: Path) -> None:
    assert compared(asked("sda\nsdb\n"), asked("sdb\nsda\n"), tmp_path) == []


def test_other_answers_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked("x\n" * 30).write(tmp_path / "a")
    asked("\x1b[31my\n" * 30).write(tmp_path / "b")
    assert main(["reports", "diff", "--answers", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    out = capsys.readouterr().out
    assert "Nothing changed\n\nAnswers that differ on atlas01\n  lsblk\n    - x\n" in out
    assert "... 52 more lines" in out
    assert "\x1b" not in out
