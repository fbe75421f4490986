"""Each fault turns exactly the right check red on the right host, and no other; before anything is changed."""

from __future__ import annotations

import pytest

from cluster.verdict import Verdict
from tests.lab.suite import broken, lab, run

BEFORE_INSTALL = [
    ("os_version", "atlas01", "H01", Verdict.FAIL),
    ("driver_old", "atlas-gpu01", "G02", Verdict.FAIL),
    ("driver_old", "atlas01", "P02", Verdict.FAIL),
    ("firewall", "atlas-gpu02", "N07", Verdict.FAIL),
    ("root_password", "atlas-gpu01", "U01", Verdict.FAIL),
    ("npu_smi_missing", "atlas02", "P01", Verdict.UNKNOWN),
    ("device_lost", "atlas-gpu02", "G01", Verdict.FAIL),
    ("device_lost", "atlas01", "P01", Verdict.FAIL),
]
AFTER_INSTALL = [
    ("os_version", "atlas01", "H01", Verdict.FAIL),
    ("driver_old", "atlas-gpu01", "G02", Verdict.FAIL),
    ("driver_old", "atlas02", "P02", Verdict.FAIL),
    ("hostname", "atlas-gpu02", "H20", Verdict.FAIL),
    ("firewall", "atlas01", "N07", Verdict.FAIL),
    ("swap_fstab", "atlas-gpu01", "H10", Verdict.FAIL),
    ("daemon_json", "atlas-gpu01", "R05", Verdict.FAIL),
    ("wrong_address", "atlas02", "N02", Verdict.FAIL),
    ("npu_smi_missing", "atlas01", "P01", Verdict.UNKNOWN),
    ("power_off", "atlas-gpu02", "U01", Verdict.UNREACHABLE),
]


@pytest.fixture(scope="module")
def fresh_hosts() -> None:
    lab("up", "--fresh")


@pytest.fixture(scope="module")
def installed_hosts(fresh_hosts: None) -> None:
    assert run("-m", "install").exit_status == 0


def test_fresh_hosts_meet_every_precondition(fresh_hosts: None) -> None:
    assert run("-m", "preflight").red == set()


@pytest.mark.parametrize(("fault", "host", "check", "verdict"), BEFORE_INSTALL)
def test_preflight_finds(fresh_hosts: None, fault: str, host: str, check: str, verdict: Verdict) -> None:
    with broken(fault, host):
        audit = run("-m", "preflight")
    assert (audit.red, audit.exit_status) == ({(check, host, verdict)}, 1)


def test_an_install_stops_before_it_changes_an_unfit_host(fresh_hosts: None) -> None:
    with broken("os_version", "atlas01"):
        install = run("-m", "install", "--stages", "..hostname", "--limit", "atlas01")
    assert install.red == {("requirements", "atlas01", Verdict.FAIL)}
    assert install.commands("atlas01", "change") == []


def test_an_installed_cluster_is_healthy(installed_hosts: None) -> None:
    audit = run("-m", "verify", "--active", "--strict")
    assert (audit.red, audit.exit_status) == (set(), 0)


@pytest.mark.parametrize(("fault", "host", "check", "verdict"), AFTER_INSTALL)
def test_audit_finds(installed_hosts: None, fault: str, host: str, check: str, verdict: Verdict) -> None:
    with broken(fault, host):
        audit = run("-m", "verify")
    assert (audit.red, audit.exit_status) == ({(check, host, verdict)}, 1)
