"""Which of pytest-testinfra's module tests do not apply to a Debian host behind our backend, and why."""

from __future__ import annotations

from typing import NamedTuple

from dlws.verdict import Unknown

NOT_APPLICABLE = {
    "test_addr": "asks 8.8.8.8 and google.com; the lab has no way to the internet",
    "test_ansible_get_variables_w_child_groups": "Ansible's inventory on the control host: no host, no backend",
}
"""By test function."""


class Difference(NamedTuple):
    """How a test of theirs must fail on our Host, and why that is on purpose."""

    raises: type[Exception]
    why: str


ONE_LOOK = Difference(AssertionError, "an object is one look: after a change, take a new one")
DIFFERENT = {
    "test_sudo_fail_from_root": Difference(
        Unknown, "`check_output` raises Unknown on purpose: what could not be found out is no FAIL"
    ),
    "test_uninstalled_package_version": Difference(Unknown, "a package that is not installed has no version: Unknown"),
    "test_service_systemd_mask": ONE_LOOK,
    "test_file": ONE_LOOK,
}
"""Tests that must fail on `dlws.remote.host.Host`; they pass under testinfra's own Host."""


def why_not(test: str, hostspec: str) -> str | None:
    """Why a test is left out on the host that upstream gives it (`docker://debian_bookworm`), or None."""
    if hostspec.startswith("ansible://"):
        return "of the Ansible backend"
    if hostspec and not hostspec.endswith("debian_bookworm"):
        return "of another distribution"
    return NOT_APPLICABLE.get(test)
