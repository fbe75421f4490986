"""On hosts ready for Kubernetes each fault turns exactly the right check red on the right host, and no other."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dlws.verdict import Verdict
from tests.lab.suite import broken, run, waived

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("prepared_hosts")]

FAULTS = [
    ("os_version", "atlas01", "H01", Verdict.FAIL),
    ("driver_old", "atlas-gpu01", "G02", Verdict.FAIL),
    ("driver_old", "atlas02", "P02", Verdict.FAIL),
    ("hostname", "atlas-gpu02", "H20", Verdict.FAIL),
    ("firewall", "atlas01", "N07", Verdict.FAIL),
    ("swap_fstab", "atlas-gpu01", "H10", Verdict.FAIL),
    ("swap_unit", "atlas01", "H10", Verdict.FAIL),
    ("swap_in_rc_local", "atlas-gpu02", "H10", Verdict.FAIL),
    ("second_sudoer", "atlas02", "U17", Verdict.FAIL),
    ("sudo_all_but_su", "atlas-gpu01", "U17", Verdict.FAIL),
    ("set_uid_shell", "atlas01", "U21", Verdict.FAIL),
    ("su_without_password", "atlas-gpu02", "U22", Verdict.FAIL),
    ("security_drop", "atlas02", "N07", Verdict.FAIL),
    ("daemon_json", "atlas-gpu01", "R05", Verdict.FAIL),
    ("wrong_address", "atlas02", "N02", Verdict.FAIL),
    ("npu_smi_missing", "atlas01", "P01", Verdict.UNKNOWN),
    ("power_off", "atlas-gpu02", "U01", Verdict.UNREACHABLE),
    ("driver_upgraded", "atlas-gpu01", "G03", Verdict.FAIL),
    ("gpu_unreadable", "atlas-gpu02", "G05", Verdict.FAIL),
    ("ecc_errors", "atlas-gpu01", "G08", Verdict.FAIL),
    ("page_pending", "atlas-gpu02", "G10", Verdict.FAIL),
    ("xid_in_log", "atlas-gpu01", "G12", Verdict.FAIL),
    ("pcie_narrow", "atlas-gpu02", "G13", Verdict.FAIL),
    ("npu_firmware_old", "atlas01", "P03", Verdict.FAIL),
    ("npu_alarm", "atlas02", "P06", Verdict.FAIL),
    ("npu_hbm_error", "atlas01", "P09", Verdict.FAIL),
    ("npu_address_lost", "atlas02", "P14", Verdict.FAIL),
    ("npu_link_down", "atlas01", "P15", Verdict.FAIL),
    ("npu_net_unhealthy", "atlas02", "P16", Verdict.FAIL),
]


GPU = ("gpu/presence", "gpu/errors", "gpu/fabric", "gpu/state")
NPU = ("npu/presence", "npu/chips", "npu/network")
SUBJECTS = (
    "accounts",
    "control",
    "docker",
    "firewall",
    *GPU,
    "host/swap",
    "host/system",
    "network/names",
    "root_access",
    *NPU,
)
AUDIT = ("-m", "verify", *(f"checks/{subject}.py" for subject in SUBJECTS))


def test_prepared_hosts_are_healthy() -> None:
    audit = run(*AUDIT, "--active", "--strict")
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output


@pytest.mark.parametrize(("fault", "host", "check", "verdict"), FAULTS)
def test_audit_finds(fault: str, host: str, check: str, verdict: Verdict) -> None:
    with broken(fault, host):
        audit = run(*AUDIT)
    assert (audit.red, audit.exit_status) == ({(check, host, verdict)}, 1), audit.output


def test_a_host_that_falls_silent_is_one_finding_of_the_check_that_was_asking() -> None:
    with broken("sessions_stopped", "atlas-gpu02"):
        audit = run(*AUDIT)
    assert [(host, verdict) for _, host, verdict in audit.red] == [("atlas-gpu02", Verdict.UNREACHABLE)], audit.output
    assert audit.exit_status == 1


def test_a_second_account_with_uid_0_is_found() -> None:
    with broken("second_root", "atlas-gpu01"):
        audit = run("-m", "verify", "checks/hardening/hosts.py", "--limit", "atlas-gpu01")
    assert audit.red == {("X14", "atlas-gpu01", Verdict.FAIL)}, audit.output


def test_a_port_that_is_set_otherwise_is_found_by_comparison() -> None:
    with broken("npu_fec_differs", "atlas01"):
        audit = run(*AUDIT)
    assert (audit.red, audit.exit_status) == ({("P18", "cluster", Verdict.FAIL)}, 1), audit.output


REQUIREMENTS = ("-m", "install", "--limit", "atlas01", "--stages", "requirements")
TODAY = date.today()


def test_an_accepted_release_lets_the_install_go_on_and_is_said() -> None:
    with broken("os_version", "atlas01"), waived("H01", "atlas01", TODAY + timedelta(days=2)):
        install = run(*REQUIREMENTS)
    accepted = install.result("requirements", "atlas01")
    assert (install.exit_status, accepted.verdict) == (0, Verdict.WAIVED), install.output
    assert "found ubuntu 18.04.4 (waived: a test; the lab; until" in accepted.sentence
    assert "Accepted by waivers.yaml" in install.output


def test_an_expired_waiver_stops_the_install_before_its_first_change() -> None:
    with broken("os_version", "atlas01"), waived("H01", "atlas01", TODAY - timedelta(days=2)):
        install = run("-m", "install", "--limit", "atlas01")
    assert ("requirements", "atlas01", Verdict.FAIL) in install.red, install.output
    assert install.commands("atlas01", "change") == []
