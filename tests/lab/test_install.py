"""The main job on four real hosts: plan, install, install again, audit; with any number of workers."""

from __future__ import annotations

import pytest

from cluster.verdict import Verdict
from tests.lab.suite import STATE, broken, lab, on, run

HOSTS = ("atlas02", "atlas01", "atlas-gpu02", "atlas-gpu01")
SNAPSHOT = (
    "{ find / -xdev -path /proc -prune -o -path /sys -prune -o -path /run -prune -o -path /tmp -prune"
    " -o -path /var/log -prune -o -path /var/lib/systemd -prune -o -printf '%p %s %T@ %m %u\\n'; dpkg-query -W;"
    " cat /etc/passwd /etc/group; ps -eo user,args --no-headers | grep -v -e ssh -e '\\[' -e ps -e systemd; } | sort"
)


@pytest.fixture(scope="module", autouse=True)
def fresh_hosts() -> None:
    lab("up", "--fresh")


@pytest.fixture(scope="module")
def plans() -> dict[str, dict[tuple[str, str], str]]:
    return {width: run("-m", "install", "--plan", *words).outcomes
            for width, words in {"default": (), "-n 0": ("-n", "0"), "-n 2": ("-n", "2")}.items()}  # fmt: skip


def test_a_plan_changes_nothing() -> None:
    before = {host: on(host, SNAPSHOT) for host in HOSTS}
    plan = run("-m", "install", "--plan")
    assert plan.exit_status == 0
    assert [plan.commands(host, "change") for host in (*HOSTS, "control")] == [[]] * 5
    assert {host: on(host, SNAPSHOT) for host in HOSTS} == before


def test_a_plan_names_the_exact_actions() -> None:
    actions = [a.text for a in run("-m", "install", "--plan").result("hostname", "atlas01").actions]
    assert actions == ["hostnamectl set-hostname atlas01"]


def test_any_number_of_workers_plans_the_same(plans: dict[str, dict[tuple[str, str], str]]) -> None:
    assert plans["-n 0"] == plans["-n 2"] == plans["default"]


def test_install_then_unchanged_then_healthy() -> None:
    first = run("-m", "install")
    assert first.exit_status == 0
    assert {host for (_, host), outcome in first.outcomes.items() if outcome == "changed"} == {*HOSTS, "control"}
    for width in ((), ("-n", "0"), ("-n", "2")):
        assert set(run("-m", "install", *width).outcomes.values()) == {"unchanged"}
    assert run("-m", "verify", "--strict", "--active").exit_status == 0


def test_a_host_that_is_off_is_one_finding_and_the_others_finish() -> None:
    for host in HOSTS[:3]:
        on(host, "rm -f /etc/resolvconf/resolv.conf.d/base; resolvconf -u")
    with broken("power_off", "atlas-gpu01"):
        install = run("-m", "install")
    assert (install.red, install.exit_status) == ({("login", "atlas-gpu01", Verdict.UNREACHABLE)}, 1)
    assert [install.outcomes["search_domain", host] for host in HOSTS[:3]] == ["changed"] * 3
    assert install.outcomes["swap_off", "atlas-gpu01"] == "blocked"


def test_the_root_password_is_in_nothing_that_was_written() -> None:
    secret = (STATE / "deploy/sshkey/rootpasswd").read_bytes().strip()
    run("-m", "verify")
    places = [STATE, STATE.parents[2] / "reports" / "out"]
    files = [f for place in places for f in place.rglob("*") if f.is_file() and f.name != "rootpasswd"]
    assert len(files) > 10
    assert [str(f) for f in files if secret in f.read_bytes()] == []
