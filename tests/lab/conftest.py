"""The states of the lab that its tests begin from.

The numbered files are one story of the four hosts and run in the order of their names, one after the other; the others
have scratch hosts of their own and may run beside them (`-n 2 --dist loadgroup`).
"""

from __future__ import annotations

import re

import pytest

from tests.lab.suite import Finished, lab, run


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long ones, visibly, unless they are asked for."""
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    for item in items:
        item.add_marker(pytest.mark.xdist_group("story" if re.match(r"test_\d", item.path.name) else "scratch"))


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


@pytest.fixture(scope="session")
def first_install(fresh_hosts: None) -> Finished:
    """The first install of the whole; what follows finds the hosts installed."""
    return run("-m", "install")
