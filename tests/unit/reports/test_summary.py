from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlws.record.ledger import End, Ledger, Outcome
from dlws.verdict import Severity, Verdict
from reports import matrix, summary
from reports.findings import Group
from reports.matrix import Kind
from reports.summary import State
from tests.kits import sample_run
from tests.kits.sample_run import Sample


def ledger(sample: Sample) -> Ledger:
    return Ledger(run=sample.run, results=tuple(sample.results), end=sample.end)


def told(sample: Sample) -> summary.Summary:
    return summary.summarise(ledger(sample), matrix.build(ledger(sample)))


def healthy() -> Sample:
    """An audit in which every check passes."""
    sample = sample_run.verify(unreachable="", faults={})
    sample.results = [replace(result, verdict=Verdict.PASS) for result in sample.results]
    sample.end = End(exit_status=0, reason="", seconds=2.0, not_run=())
    return sample


def with_verdict(verdict: Verdict) -> Sample:
    """A healthy audit but for its first result."""
    sample = healthy()
    sample.results[0] = replace(sample.results[0], verdict=verdict)
    return sample


def test_a_run_without_a_fault_is_green() -> None:
    assert told(healthy()).state is State.GOOD
    assert told(healthy()).headline == "No finding in 140 checks"


def test_an_install_without_a_fault_says_what_changed() -> None:
    sample = sample_run.install()
    sample.results = [r for r in sample.results if r.host == "atlas02"]
    sample.run = replace(sample.run, items=())
    sample.end = End(exit_status=0, reason="", seconds=60.0, not_run=())
    assert told(sample).headline == "All 17 stages hold, 13 changed"
    sample.results = [r for r in sample.results if r.outcome is Outcome.CHANGED][:1]
    assert told(sample).headline == "The stage holds, 1 changed"


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNREACHABLE])
@pytest.mark.parametrize("exit_status", [0, 1, 2])
def test_a_red_verdict_makes_the_run_red_whatever_the_exit_status(verdict: Verdict, exit_status: int) -> None:
    sample = with_verdict(verdict)
    sample.end = End(exit_status=exit_status, reason="", seconds=2.0, not_run=())
    assert told(sample).state is State.BAD


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["cluster"], "1 finding on the whole cluster"),
        (["atlas01", "control"], "2 findings on 1 host and the control host"),
        (
            ["atlas01", "atlas02", "cluster", "control"],
            "4 findings on 2 hosts, the whole cluster and the control host",
        ),
    ],
)
def test_what_is_no_host_is_not_counted_as_one(places: list[str], words: str) -> None:
    sample = healthy()
    reds = [replace(red, host=host, verdict=Verdict.FAIL) for red, host in zip(sample.results, places, strict=False)]
    sample.results, sample.run = reds, replace(sample.run, items=())
    assert told(sample).headline == words


@pytest.mark.parametrize("verdict", [Verdict.WARN, Verdict.WAIVED, Verdict.DEVIATION, Verdict.NA])
def test_these_verdicts_leave_the_run_green(verdict: Verdict) -> None:
    assert told(with_verdict(verdict)).state is State.GOOD


def test_a_warning_is_a_finding_under_strict() -> None:
    sample = with_verdict(Verdict.WARN)
    sample.run = replace(sample.run, strict=True)
    assert told(sample).state is State.BAD
    assert told(sample).remarks == ()


def test_a_test_without_a_result_keeps_the_run_from_green() -> None:
    sample = healthy()
    del sample.results[0]
    assert told(sample).state is State.INCOMPLETE
    assert told(sample).headline == "No finding, but 1 test not run"


def test_a_run_without_an_end_is_cut_off_not_green() -> None:
    sample = healthy()
    sample.end = None
    assert told(sample).state is State.INCOMPLETE
    assert told(sample).headline.startswith("Cut off before its end")


@pytest.mark.parametrize(
    ("exit_status", "state"), [(1, State.BAD), (2, State.INCOMPLETE), (3, State.BAD), (5, State.BAD)]
)
def test_a_bad_exit_status_is_never_green(exit_status: int, state: State) -> None:
    sample = healthy()
    sample.end = End(exit_status=exit_status, reason="why", seconds=1.0, not_run=())
    assert told(sample).state is state


def test_a_run_of_nothing_is_not_green() -> None:
    sample = healthy()
    sample.results, sample.run = [], replace(sample.run, items=())
    assert told(sample).state is State.INCOMPLETE


def test_a_plan_says_that_nothing_was_changed() -> None:
    assert told(sample_run.plan()).state is State.PLANNED
    assert "nothing was changed" in told(sample_run.plan()).headline


def test_an_unreachable_host_comes_first_among_the_findings() -> None:
    kinds = [finding.kind for finding in told(sample_run.verify()).findings]
    assert kinds[0] is Kind.UNREACHABLE
    assert kinds.count(Kind.UNREACHABLE) == 1


def test_one_fault_on_two_hosts_is_one_finding() -> None:
    (swap,) = (f for f in told(sample_run.verify()).findings if f.row.name == "swap_stays_off")
    assert [result.host for result in swap.results] == ["atlas01", "atlas-gpu01"]


def test_hosts_that_say_the_same_stand_together_without_their_names() -> None:
    (units,) = told(sample_run.verify()).remarks
    assert {message: len(hosts) for message, hosts in units.by_message.items()} == {
        "failed units: expected none, found apport.service": 2
    }


def test_gaps_tell_why_and_where() -> None:
    gaps = told(sample_run.install()).gaps
    assert [(gap.hosts, len(gap.rows), gap.reason) for gap in gaps] == [
        (("atlas-gpu01", "atlas-gpu02"), 1, "collected, but no result was recorded")
    ]


def test_what_was_not_run_stands_with_the_finding_that_explains_it() -> None:
    (docker,) = told(sample_run.install()).findings
    assert [(gap.hosts, len(gap.rows)) for gap in docker.explains] == [(("atlas-gpu01",), 6)]
    assert docker.explained == 6


def names(group: Group) -> list[str]:
    return [finding.row.name for finding in group.findings]


def with_results(*changes: tuple[str, str, dict[str, Any]]) -> Sample:
    """A healthy audit but for some results, by name and host."""
    sample = healthy()
    for name, host, changed in changes:
        (place,) = (n for n, r in enumerate(sample.results) if (r.name, r.host) == (name, host))
        sample.results[place] = replace(sample.results[place], **changed)
    return sample


def follows(id: str, host: str) -> dict[str, Any]:
    return {"verdict": Verdict.NOT_RUN, "message": "follows from", "follows": f"{id}[{host}]"}


FAILED = {"verdict": Verdict.FAIL, "severity": Severity.BLOCKER}


def test_what_explains_most_is_to_be_fixed_first() -> None:
    sample = with_results(
        ("swap_is_off", "atlas01", FAILED),  # runbook 3.11
        ("dpkg_is_sane", "atlas01", FAILED),  # 3.8
        ("arch_is_configured", "atlas01", FAILED),  # 2.1
        ("sudoers_is_valid", "atlas01", FAILED),
        ("docker_runs", "atlas01", FAILED),
        ("swap_stays_off", "atlas01", follows("U04", "atlas01")),
        ("docker_version_is_validated", "atlas01", follows("R01", "atlas01")),
        ("daemon_json_is_in_force", "atlas01", follows("R02", "atlas01")),
        ("no_failed_units", "atlas01", {"verdict": Verdict.WARN, "severity": Severity.WARNING}),
        ("no_reboot_pending", "atlas01", {"verdict": Verdict.WARN, "severity": Severity.INFO}),
    )
    groups = told(sample).groups
    assert [(group.title, names(group)) for group in groups] == [
        ("Fix this first", ["docker_runs", "sudoers_is_valid"]),
        ("Fix next", ["arch_is_configured", "dpkg_is_sane", "swap_is_off"]),
        ("Warnings", ["no_failed_units"]),
        ("Notes", ["no_reboot_pending"]),
    ]
    assert told(sample).gaps == ()


def test_without_causes_all_findings_are_to_be_fixed_first() -> None:
    sample = with_results(
        ("swap_is_off", "atlas01", {"verdict": Verdict.UNKNOWN}),
        ("swap_stays_off", "atlas01", FAILED),
        ("arch_is_configured", "atlas02", FAILED | {"severity": Severity.INFO}),
    )
    (only,) = told(sample).groups
    assert (only.title, names(only)) == ("Fix this first", ["swap_stays_off", "swap_is_off", "arch_is_configured"])


def test_what_follows_from_no_finding_is_a_gap_and_a_circle_ends() -> None:
    sample = with_results(
        ("swap_is_off", "atlas01", follows("H10", "atlas01")),
        ("swap_stays_off", "atlas01", follows("H09", "atlas01")),
        ("docker_version_is_validated", "atlas01", follows("R01", "atlas01")),
    )
    assert told(sample).findings == ()
    assert {row.name for gap in told(sample).gaps for row in gap.rows} == {
        "swap_is_off",
        "swap_stays_off",
        "docker_version_is_validated",
    }


def test_stages_stand_in_the_order_of_the_runbook() -> None:
    sections = [row.section for row in matrix.build(ledger(sample_run.install())).stages]
    assert " ".join(dict.fromkeys(sections)) == "2.1 2.2 2.3 2.4 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.11"


def test_checks_stand_in_the_order_of_the_catalogue() -> None:
    areas = [area for area, _ in matrix.by_area(matrix.build(ledger(sample_run.verify())).checks)]
    assert areas[:2] == ["Host and OS", "Network and DNS"]
    assert len(areas) == len(set(areas))


def test_a_result_that_nobody_announced_is_not_dropped() -> None:
    rows = matrix.build(ledger(sample_run.verify())).checks
    assert "host_is_reachable" in [row.name for row in rows]


def test_hosts_that_look_alike_fold_into_one_column() -> None:
    sample = sample_run.verify(sample_run.room(100), "node017")
    rows = matrix.build(ledger(sample))
    folded = [[host.name for host in group] for group in matrix.fold(rows.hosts, rows.rows)]
    assert [len(group) for group in folded] == [1, 1, 49, 50, 1]
    assert ["node017"] in folded


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("checks/host/swap.py::test_swap_is_off[atlas01]", "checks.host.swap"),
        ("checks/test_swap.py::test_swap_is_off[atlas01]", "checks.swap"),
        ("install/s3_11_kubernetes.py::test_swap_off[atlas01]", "install.s3_11_kubernetes"),
        ("checks/host/swap.py::TestSwap::test_off[a::b/c]", "checks.host.swap.TestSwap"),
    ],
)
def test_the_group_comes_from_the_node_id(nodeid: str, group: str) -> None:
    assert matrix.group_of(nodeid) == group


def test_a_test_that_never_ran_stands_under_its_heading() -> None:
    rows = matrix.build(ledger(sample_run.install())).stages
    (row,) = [row for row in rows if row.name == "gpu_in_container"]
    assert (row.section, row.area, row.sample) == ("3.9", "3.9 GPU runtime", None)
    assert row.title != "gpu in container"


def test_a_finding_about_a_waiver_stands_under_waivers() -> None:
    sample = healthy()
    nodeid, name = "waivers.yaml::P01[a1]", "waiver of P01 on a1"
    sample.results.append(replace(sample.results[0], nodeid=nodeid, name=name, id="", host="control"))
    rows = matrix.build(ledger(sample)).checks
    assert [row.area for row in rows if row.name == name] == ["waivers"]
