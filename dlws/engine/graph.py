"""The dependency graph of a run: which stage on which host waits for which, and an order that respects it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from dlws.engine.items import StageItem
from dlws.engine.stage import Step, expand

GRAPH = pytest.StashKey["Graph"]()


@dataclass(slots=True)
class Graph:
    """All steps of the runbook by label, and the labels of those that this run selects."""

    steps: dict[str, Step] = field(default_factory=dict)
    selected: set[str] = field(default_factory=set)

    def absent(self, step: Step) -> list[Step]:
        """The required steps before it that this run leaves out; their proofs must be checked on the hosts instead."""
        return [self.steps[name] for name in step.demands if name not in self.selected]

    def present(self, step: Step) -> list[str]:
        """The labels of the steps directly before it that are part of this run."""
        return [name for name in step.after if name in self.selected]

    def earlier(self, step: Step) -> Iterator[Step]:
        """Every step of this run that must finish before it, directly or indirectly. Only looked for as it is asked."""
        seen = set[str]()
        todo = self.present(step)
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                yield self.steps[name]
                todo += self.present(self.steps[name])


def step_of(item: pytest.Item) -> Step | None:
    """The step of a collected test; None if it is not a stage."""
    return item.step if isinstance(item, StageItem) else None


def build(items: Iterable[pytest.Item], where: Mapping[str, list[str]], master: str) -> Graph:
    """The graph of all collected stages of a cluster with this master.

    `where` lists the names of each stage's targets. ValueError for an `after` that names no stage, or for two stages
    of one name.
    """
    graph = Graph()
    for item in items:
        if isinstance(item, StageItem):
            expanded = {need: expand(need, item.target.name, where, master) for need in item.spec.after}
            after = dict.fromkeys(label for labels in expanded.values() for label in labels)
            demands = dict.fromkeys(n for need, labels in expanded.items() if not need.endswith("?") for n in labels)
            item.step = Step(item.spec, item.target, item.nodeid, tuple(after), tuple(demands))
            if item.step.label in graph.steps:
                raise ValueError(f"two stages are called {item.spec.name}")
            graph.steps[item.step.label] = item.step
    return graph


def mark(items: Iterable[pytest.Item], graph: Graph) -> None:
    """Give every selected stage its resolved dependency marker, the one that pytest-dependency reads."""
    chosen = [(item, step) for item in items if (step := step_of(item))]
    graph.selected = {step.label for _, step in chosen}
    for item, step in chosen:
        marker = pytest.mark.dependency(name=step.label, depends=graph.present(step), scope="session")
        item.add_marker(marker, append=False)


def ordered(items: list[pytest.Item], graph: Graph) -> list[pytest.Item]:
    """The items in topological order, otherwise as they were. ValueError names the steps of a cycle."""
    waiting = {i.nodeid: set(graph.present(s)) if (s := step_of(i)) else set() for i in items}
    name = {i.nodeid: s.label for i in items if (s := step_of(i))}
    todo, done, out = {i.nodeid: i for i in items}, set[str](), list[pytest.Item]()
    while todo:
        free = [n for n in todo if waiting[n] <= done]
        if not free:
            raise ValueError(f"these stages wait for each other: {', '.join(sorted(name[n] for n in todo))}")
        for nodeid in free:
            out.append(todo.pop(nodeid))
            if nodeid in name:
                done.add(name[nodeid])
    return out
