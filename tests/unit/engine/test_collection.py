"""The order in which an audit visits the hosts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dlws.engine.collection import host_order


@dataclass
class Machine:
    name: str
    kind: str


@dataclass
class Machines:
    nodes: list[Machine] = field(default_factory=list)


@pytest.mark.parametrize(
    ("kinds", "order"),
    [
        (["cpu", "npu", "npu", "gpu", "npu", "gpu"], ["h0", "h1", "h3", "h2", "h4", "h5"]),
        (["cpu", "cpu"], ["h0", "h1"]),
        ([], []),
    ],
)
def test_one_host_of_each_kind_comes_first(kinds: list[str], order: list[str]) -> None:
    cluster = Machines([Machine(f"h{at}", kind) for at, kind in enumerate(kinds)])
    assert host_order(cluster) == order  # type: ignore[arg-type]
