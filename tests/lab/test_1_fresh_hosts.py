"""Before anything is changed: the plan, and each unfit host found by exactly the right check."""

from __future__ import annotations

import pytest

from dlws.verdict import Verdict
from tests.lab.suite import HOSTS, Finished, broken, run, snapshot, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("fresh_hosts")]

FAULTS = [
    ("os_version", "atlas01", "H01", Verdict.FAIL),
    ("driver_old", "atlas-gpu01", "G02", Verdict.FAIL),
    ("driver_old", "atlas01", "P02", Verdict.FAIL),
    ("firewall", "atlas-gpu02", "N07", Verdict.FAIL),
    ("root_password", "atlas-gpu01", "U01", Verdict.FAIL),
    ("npu_smi_missing", "atlas02", "P01", Verdict.UNKNOWN),
    ("device_lost", "atlas-gpu02", "G01", Verdict.FAIL),
]


@pytest.fixture(scope="module")
def plans() -> dict[str, Finished]:
    widths = {"default": (), "none": ("-n", "0"), "two": ("-n", "2")}
    return {name: run("-m", "install", "--plan", *words) for name, words in widths.items()}


def test_fresh_hosts_meet_every_precondition() -> None:
    assert run("-m", "preflight").red == set()


def test_a_plan_changes_nothing() -> None:
    for host in HOSTS:  # a host that has just started goes on writing for some seconds
        wait_until(f"{host} to be at rest", lambda host=host: snapshot(host) == snapshot(host), 60)
    before = {host: snapshot(host) for host in HOSTS}
    plan = run("-m", "install", "--plan")
    assert plan.exit_status == 0, plan.output
    assert [plan.commands(host, "change") for host in (*HOSTS, "control")] == [[]] * 5
    assert {host: snapshot(host) for host in HOSTS} == before


def test_a_plan_names_the_exact_actions(plans: dict[str, Finished]) -> None:
    actions = [action.text for action in plans["default"].result("hostname", "atlas01").actions]
    assert actions == ["hostnamectl set-hostname atlas01"]


def test_any_number_of_workers_plans_the_same(plans: dict[str, Finished]) -> None:
    assert plans["none"].outcomes == plans["two"].outcomes == plans["default"].outcomes


@pytest.mark.parametrize(("fault", "host", "check", "verdict"), FAULTS)
def test_preflight_finds(fault: str, host: str, check: str, verdict: Verdict) -> None:
    with broken(fault, host):
        audit = run("-m", "preflight")
    assert (audit.red, audit.exit_status) == ({(check, host, verdict)}, 1), audit.output


def test_an_install_stops_before_it_changes_an_unfit_host() -> None:
    with broken("os_version", "atlas01"):
        install = run("-m", "install", "--stages", "..hostname", "--limit", "atlas01")
    assert install.red == {("requirements", "atlas01", Verdict.FAIL)}, install.output
    assert install.commands("atlas01", "change") == []
