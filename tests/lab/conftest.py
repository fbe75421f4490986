"""The states of the lab that its tests begin from. The files run in the order of their names, one after the other."""

from __future__ import annotations

import pytest

from tests.lab.suite import Finished, lab, run


@pytest.fixture(scope="session")
def fresh_hosts() -> None:
    """Four hosts as their installer left them."""
    lab("up", "--fresh")


@pytest.fixture(scope="session")
def first_install(fresh_hosts: None) -> Finished:
    """The first install of fresh hosts; what follows finds them installed."""
    return run("-m", "install")
