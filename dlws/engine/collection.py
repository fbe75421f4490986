"""Which of the collected tests a run includes, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from dlws.config.cluster import Cluster
from dlws.engine import graph, options, replay, selection, shards
from dlws.engine.arguments import ARGUMENTS, UnknownArgument
from dlws.engine.check import one_or_many
from dlws.engine.graph import Graph
from dlws.engine.items import ALL_CHECKS, CheckItem, StageItem, TargetItem, collected
from dlws.engine.run import CLUSTER, CONTEXT, inputs_of, sha256_of
from dlws.engine.stage import Stage, stage_of
from dlws.record.run_folder import RunFolder

TARGETS = pytest.StashKey[dict[str, list[str]]]()
"""The names of the targets of every collected stage, by the stage's name."""
FINISHED = pytest.StashKey[bool]()
"""Whether --resume has left out a stage that the rest of the selection includes."""


def items_from(config: pytest.Config, collector: pytest.Module, name: str, obj: Any) -> list[TargetItem]:
    """One item per target of a check or a stage, or of a table of them; empty for a helper in the same file."""
    cluster = config.stash[CLUSTER]
    for stage in filter(None, map(stage_of, one_or_many(obj))):
        config.stash.setdefault(TARGETS, {})[stage.name] = [target.name for target in stage.targets(cluster)]
    is_ours = name.startswith("test_") or isinstance(obj, dict)
    return list(collected(collector, obj, cluster)) if is_ours else []


def build_graph(config: pytest.Config, items: Sequence[pytest.Item]) -> Graph:
    """The graph of all collected stages. UsageError for an unknown argument, or an `after` that names no stage."""
    targets = config.stash.setdefault(TARGETS, {})
    try:
        check_arguments(items)
        return graph.build(items, targets, config.stash[CLUSTER].master.name)
    except (UnknownArgument, ValueError) as error:
        raise pytest.UsageError(str(error)) from error


def check_arguments(items: Iterable[pytest.Item]) -> None:
    """UnknownArgument if a check, a stage, or a check that a stage proves has an argument that nothing provides."""
    specs = {item.function: item.spec for item in items if isinstance(item, CheckItem | StageItem)}
    for spec in specs.values():
        if isinstance(spec, Stage):
            ARGUMENTS.require(spec.function, ARGUMENTS.for_stages, "a stage")
        for check in spec.proves if isinstance(spec, Stage) else (spec,):
            ARGUMENTS.require(check.function, ARGUMENTS.for_checks, "a check")


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Reduce `items` to those that this run includes, and report the others to pytest as deselected."""
    every: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, CheckItem):
            every.setdefault(item.spec.id, []).append(item.target.name)
    config.stash[ALL_CHECKS] = every if _is_whole(config) else None
    filters = _filters(config, items)
    chosen = {item: all(keep(item) for keep in filters) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not chosen[item]])
    items[:] = [item for item in items if chosen[item]]


def leave_out_finished(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --resume, take out of `items`, which are otherwise selected, the stages that the last run finished."""
    finished = set[pytest.Item]()
    if resumed := config.stash[CONTEXT].resumed:
        keep = selection.resumed(RunFolder(resumed).read().ledger, sha256_of(config.stash[CLUSTER].path))
        finished = {item for item in items if isinstance(item, TargetItem) and not keep(item)}
        items[:] = [item for item in items if item not in finished]
        config.hook.pytest_deselected(items=list(finished))
    config.stash[FINISHED] = bool(finished)


def arrange(config: pytest.Config, items: list[pytest.Item], steps: Graph) -> None:
    """Put `items` in the order in which they run, and give each stage its place in the graph."""
    graph.mark(items, steps)
    items[:] = graph.ordered(items, steps) if steps.selected else by_host(items, config.stash[CLUSTER])
    for item in items:
        if isinstance(item, StageItem):
            item.missing, item.earlier = steps.absent(item.step), steps.earlier(item.step)
    config.stash[graph.GRAPH] = steps


def _is_whole(config: pytest.Config) -> bool:
    """Whether every check was collected; in a replay, whether the original run collected every check."""
    if replays := config.stash[CONTEXT].replays:
        return inputs_of(config, replays).whole
    return options.collects_every_check(config)


def _filters(config: pytest.Config, items: Sequence[pytest.Item]) -> list[Callable[[Any], bool]]:
    option, context, cluster = config.option, config.stash[CONTEXT], config.stash[CLUSTER]
    keep: list[Callable[[Any], bool]] = [selection.joining(context.command)]
    if context.limit:
        keep.append(selection.limited(cluster, context.limit))
    if context.shard:
        keep.append(selection.of_shard(shards.parse(context.shard).hosts(cluster)))
    if option.stages:
        own = [item for item in items if isinstance(item, StageItem) and context.command in item.spec.commands]
        keep.append(selection.staged(own, option.stages))
    if context.replays:
        keep.append(replay.again(replay.audited(context.replays)))
    elif not option.active:
        keep.append(selection.passive)
    return keep


def by_host(items: Iterable[pytest.Item], cluster: Cluster) -> list[pytest.Item]:
    """Checks sorted by host, after the one that finds out whether the Kubernetes API answers."""
    rank = {name: place for place, name in enumerate(host_order(cluster))}

    def place(item: pytest.Item) -> tuple[bool, int]:
        name = item.target.name if isinstance(item, TargetItem) else ""
        return item.get_closest_marker("judges_api") is None, rank.get(name, len(rank))

    return sorted(items, key=place)


def host_order(cluster: Cluster) -> list[str]:
    """The names of all machines, one of each kind first, because its commands are then foreseen for the others."""
    first_of_kind: dict[str, str] = {}
    for node in cluster.nodes:
        first_of_kind.setdefault(node.kind, node.name)
    return list(dict.fromkeys([*first_of_kind.values(), *(node.name for node in cluster.nodes)]))
