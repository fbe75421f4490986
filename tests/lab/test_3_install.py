"""The main job on four real hosts: install, install again, audit; with any number of workers."""

from __future__ import annotations

import pytest

from dlws.verdict import Verdict
from lab.record import load_lab
from tests.lab.suite import HOSTS, STATE, Finished, broken, on, run

pytestmark = [pytest.mark.lab]

OF_THE_MACHINE = {"S03", "S14", "S15", "S20", "H31"}
"""How full and how fast the disk is that all hosts share; that other tests restart hosts."""


def test_the_first_install_changes_every_host(first_install: Finished) -> None:
    assert first_install.exit_status == 0, first_install.output
    changed = {host for (_, host), outcome in first_install.outcomes.items() if outcome == "changed"}
    assert changed == {*HOSTS, "control", "cluster"}


@pytest.mark.parametrize("width", [(), ("-n", "0"), ("-n", "2")])
def test_a_second_install_changes_nothing(first_install: Finished, width: tuple[str, ...]) -> None:
    again = run("-m", "install", *width)
    assert (set(again.outcomes.values()), again.exit_status) == ({"unchanged"}, 0), again.output


def test_the_installed_cluster_is_healthy(first_install: Finished) -> None:
    audit = run("-m", "verify", "--active")
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
    assert audit.warned <= OF_THE_MACHINE, audit.output


def test_a_host_that_is_off_is_one_finding_and_the_others_finish(first_install: Finished) -> None:
    for host in HOSTS[:3]:
        on(host, "sed -i /^search/d /etc/resolvconf/resolv.conf.d/base; resolvconf -u")
    with broken("power_off", "atlas-gpu01"):
        install = run("-m", "install")
    assert (install.red, install.exit_status) == ({("login", "atlas-gpu01", Verdict.UNREACHABLE)}, 1), install.output
    assert [install.outcomes["search_domain", host] for host in HOSTS[:3]] == ["changed"] * 3
    assert install.outcomes["swap_off", "atlas-gpu01"] == "blocked"


def test_the_root_password_is_in_nothing_that_was_written(first_install: Finished) -> None:
    known = load_lab()
    assert known is not None
    secret = known.root_password.encode()
    places = [STATE, first_install.folder.parent]
    files = [f for place in places for f in place.rglob("*") if f.is_file()]
    assert len(files) > 10
    assert [str(f) for f in files if secret in f.read_bytes()] == []
