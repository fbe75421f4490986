"""The states of the lab that its tests begin from.

The numbered files are one story of the four hosts and run in the order of their names, one after the other; the others
have scratch hosts of their own and may run beside them (`-n 2`).
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.lab.suite import STATE, Finished, lab, run


class Stories(LoadScopeScheduling):
    """The numbered files are one story for one worker; each of the others is one of its own."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "the four hosts" if re.search(r"/test_\d", file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Stories:
    """With `-n 2` the story of the four hosts is told beside the others."""
    return Stories(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long ones, visibly, unless they are asked for."""
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def fresh_hosts() -> None:
    """Four hosts as their installer left them."""
    lab("up", "--fresh")


@pytest.fixture(scope="session")
def prepared_hosts(fresh_hosts: None) -> None:
    """Hosts ready for Kubernetes and without it: runbook 2.1 to 3.9, and swap."""
    for stages in ("..3.7", "swap_off", "3.8..3.9"):
        done = run("-m", "install", "--stages", stages)
        assert done.exit_status == 0, done.output
    forget_root_password()


@pytest.fixture(scope="session")
def first_install(fresh_hosts: None) -> Finished:
    """The first install of the whole; what follows finds the hosts installed."""
    first = run("-m", "install")
    forget_root_password()
    return first


def forget_root_password() -> None:
    """Delete the password of the first contact, as U16 asks of the operator."""
    (STATE / "deploy/sshkey/rootpasswd").unlink(missing_ok=True)
