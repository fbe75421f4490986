"""Selectors of targets that hold only where the configuration says so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, expect_among, expect_present
from dlws.engine.targets import WHOLE, control_host, where, whole_cluster
from dlws.inventory import Target


def with_moon(cluster: Cluster) -> bool:
    return str(cluster) == "moon"


def with_tide(cluster: Cluster) -> bool:
    return str(cluster).startswith("m")


def targets(cluster: str) -> Sequence[Target]:
    return where(whole_cluster, with_moon, with_tide)(cluster)  # type: ignore[arg-type]


def test_targets_are_there_where_all_conditions_hold() -> None:
    assert targets("moon") == (WHOLE,)
    assert targets("mars") == ()


def test_a_selector_is_named_after_its_conditions() -> None:
    assert where(control_host, with_moon).__name__ == "control_host_with_moon"


def test_what_is_expected_among_others_is_given_back() -> None:
    assert expect_among("atlas01", {"atlas01": 1}, "nodes") == 1
    with pytest.raises(Mismatch, match="nodes: expected atlas02 among them, found atlas01"):
        expect_among("atlas02", {"atlas01": 1}, "nodes")


def test_what_is_expected_to_be_present_is_given_back() -> None:
    assert expect_present(0, "port") == 0
    with pytest.raises(Mismatch, match="port: expected one, found none"):
        expect_present(None, "port")
