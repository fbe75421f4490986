"""The seeds of a configuration (`suite.seeds`): which host is given its large files by which other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.config.lint_seeds import matching
from dlws.inventory import Node


def hosts_of(cluster: Cluster, seed: str) -> Sequence[Node]:
    """The hosts that a seed gives files to, without itself, in the order of the file."""
    return [node for node in cluster.nodes if _seeds(cluster).get(node.name) == seed and node.name != seed]


def seed_of(cluster: Cluster, name: str) -> str | None:
    """The seed that gives a host its files, itself if it is one; None for a host that has none."""
    return _seeds(cluster).get(name)


@kept
def _seeds(cluster: Cluster) -> Mapping[str, str]:
    seeds = cluster.suite.seeds
    names = [node.name for node in cluster.nodes]
    given = {name: seed for seed, own in seeds.items() for one in own for name in matching(one, names, seeds)}
    return {**given, **{seed: seed for seed in seeds}}
