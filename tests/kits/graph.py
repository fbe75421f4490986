"""Stages for the tests of graph, selection and scheduler: items that were not collected from a file."""

from __future__ import annotations

from typing import Any

from dlws.engine import graph
from dlws.engine.graph import Graph
from dlws.engine.items import StageItem
from dlws.engine.stage import Stage
from dlws.inventory import Arch, Control, Device, Node, Origin, Role, Target, Whole


class Uncollected(StageItem):
    """A stage item without a file."""

    nodeid = ""


def node(name: str) -> Node:
    """A machine."""
    return Node(name, "192.168.3.9", "example.org", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)


def items(**stages: tuple[list[str], list[str]]) -> list[Any]:
    """One item per stage and target, from (targets, after): `items(docker=(["a1", "a2"], ["base"]))`."""
    made: list[Any] = []
    for name, (targets, after) in stages.items():
        function: Any = type(f"test_{name}", (), {"__doc__": name})
        spec = Stage(function, f"9.{name}", lambda cluster: (), tuple(after), (), ("install",), name, name)
        for target in targets:
            item: Any = object.__new__(Uncollected)
            item.nodeid, item.name = f"install/s.py::test_{name}[{target}]", f"test_{name}[{target}]"
            item.own_markers, item.keywords, item.parent = [], {}, None
            item.function, item.spec, item.target = function, spec, target_called(target)
            made.append(item)
    return made


def target_called(name: str) -> Target:
    """The control host, the whole cluster, or a machine."""
    return {"control": Control(), "cluster": Whole()}.get(name) or node(name)


def where(made: list[Any]) -> dict[str, list[str]]:
    """The targets of each stage."""
    targets: dict[str, list[str]] = {}
    for item in made:
        targets.setdefault(item.spec.name, []).append(item.target.name)
    return targets


def graph_of(made: list[Any]) -> Graph:
    """The graph in which all of them are selected; a1 is the master."""
    built = graph.build(made, where(made), "a1")
    built.selected = set(built.steps)
    return built


def labels(made: list[Any]) -> list[str]:
    """The labels of the items, as used in dependencies."""
    return [item.step.label for item in made]
