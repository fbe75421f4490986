"""Which of pytest-testinfra's module tests do not apply to a Debian host behind our backend, and why."""

from __future__ import annotations

NOT_APPLICABLE = {
    "test_addr": "asks 8.8.8.8 and google.com; the lab has no way to the internet",
    "test_ansible_get_variables_w_child_groups": "Ansible's inventory on the control host: no host, no backend",
}
"""By test function."""

DIFFERENT = {
    "test_sudo_fail_from_root": "`check_output` raises Unknown on purpose: what could not be found out is no FAIL",
}
"""Tests that must fail on `dlws.remote.host.Host`, with Unknown; they pass under testinfra's own Host."""


def why_not(test: str, hostspec: str) -> str | None:
    """Why a test is left out on the host that upstream gives it (`docker://debian_bookworm`), or None."""
    if hostspec.startswith("ansible://"):
        return "of the Ansible backend"
    if hostspec and not hostspec.endswith("debian_bookworm"):
        return "of another distribution"
    return NOT_APPLICABLE.get(test)
