"""Which of the collected tests a run includes: --limit, --shard, --stages, --resume, --active."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.arguments import parameters
from dlws.engine.items import CheckItem, StageItem, TargetItem
from dlws.engine.options import STAGE_COMMANDS, instead
from dlws.engine.stage import Stage
from dlws.inventory import Node, Whole
from dlws.record.ledger import Ledger, Outcome
from dlws.verdict import Verdict

Keep = Callable[[TargetItem], bool]


def limited(cluster: Cluster, patterns: str) -> Keep:
    """Keep the tests of the hosts that match, and those of the control host and the whole cluster.

    A stage of the whole cluster that acts on the master counts as a test of the master.
    """
    hosts = named(cluster, patterns)

    def keep(item: TargetItem) -> bool:
        if isinstance(item.target, Whole) and "on_master" in parameters(item.function):
            return cluster.master.name in hosts
        return not isinstance(item.target, Node) or item.target.name in hosts

    return keep


def of_shard(hosts: Collection[str]) -> Keep:
    """Keep the tests of these hosts, and those of the control host and the whole cluster."""
    return lambda item: not isinstance(item.target, Node) or item.target.name in hosts


def named(cluster: Cluster, patterns: str) -> set[str]:
    """The machines that --limit names, including those under `scale_down`. UsageError for a pattern without a match."""
    names = [node.name for node in (*cluster.nodes, *cluster.leaving)]
    matched = set[str]()
    for pattern in (p.strip() for p in patterns.split(",")):
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            raise pytest.UsageError(f"--limit: no host {pattern!r}{instead(pattern, names, 'hosts', names)}")
        matched |= matching
    return matched


def staged(items: Sequence[pytest.Item], stages: str) -> Keep:
    """Keep the stages of a range such as `hostname..docker` or `3.8..`, or those of one name or runbook section.

    `items` are those of one command: a service's name stands for its start, its stop and its restart.
    """
    order = list(dict.fromkeys(item.spec for item in items if isinstance(item, StageItem)))
    if "," in stages:
        raise pytest.UsageError(f"--stages {stages}: one name, or a range FROM..TO; run the command once for each")
    first, dots, last = (part.strip() for part in stages.partition(".."))
    if not dots:
        own = {order[at].name for at in _places(order, first)}
        return lambda item: not isinstance(item, StageItem) or item.spec.name in own
    begin = min(_places(order, first)) if first else 0
    end = max(_places(order, last)) if last else len(order) - 1
    if begin > end:
        raise pytest.UsageError(f"--stages {stages}: {first} comes after {last}")
    chosen = {stage.name for stage in order[begin : end + 1]}
    return lambda item: not isinstance(item, StageItem) or item.spec.name in chosen


def resumed(last: Ledger, config_sha256: str) -> Keep:
    """Leave out the stages that the last run finished; none if it ran another configuration."""
    if last.run.config_sha256 != config_sha256:
        return lambda item: True
    held = (Outcome.UNCHANGED, Outcome.CHANGED)  # not what a waiver let pass, which may have expired since
    finished = {r.key for r in last.results if r.outcome in held and r.verdict is Verdict.PASS}
    return lambda item: item.key not in finished


def joining(command: str) -> Keep:
    """Keep stages in a command that changes hosts and in an audit its own checks; never an ordinary test."""
    if command in STAGE_COMMANDS:
        return lambda item: isinstance(item, StageItem)
    return lambda item: isinstance(item, CheckItem) and item.get_closest_marker(command) is not None


def passive(item: TargetItem) -> bool:
    """Leave out the active checks: those that put load on a host or leave a trace."""
    return item.get_closest_marker("active") is None


def _places(order: list[Stage], word: str) -> list[int]:
    places = [i for i, stage in enumerate(order) if word in (stage.name, stage.section, stage.subject)]
    if not places:
        known = [name for stage in order for name in (stage.subject, stage.name, stage.section) if name]
        names = [stage.subject or stage.name for stage in order]
        raise pytest.UsageError(f"--stages: no stage {word!r}{instead(word, known, 'stages', names)}")
    return places
