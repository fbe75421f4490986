"""A reboot drains only what is a node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dlws.remote.change import ChangeFailed
from install.reboot import restart


def test_a_host_that_is_no_node_is_not_restarted() -> None:
    node: Any = SimpleNamespace(name="atlas02")
    kube: Any = SimpleNamespace(list=lambda resource: [])
    untouched: Any = SimpleNamespace()
    with pytest.raises(ChangeFailed, match="atlas02 is not a node of the cluster"):
        restart(node, untouched, untouched, kube, untouched, untouched)
