"""Values of many hosts, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from dlws.config.cluster import Cluster
from dlws.inventory import Node
from dlws.record.answer import NoHostAnswers
from dlws.remote.host import Host


def reachable_hosts(hosts: Mapping[str, Host]) -> Mapping[str, Host]:
    """The hosts. NoHostAnswers where none can be reached: nothing can be said of the cluster then."""
    if not hosts:
        raise NoHostAnswers("no host can be reached")
    return hosts


def names_by_value(values: Mapping[str, str]) -> dict[str, list[str]]:
    """The names that have each value: `{"4.15": ["atlas01", "atlas02"], "5.4": ["atlas03"]}`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in values.items():
        found[value].append(name)
    return dict(found)


def hosts_by_kind(cluster: Cluster, names: Iterable[str]) -> dict[str, list[Node]]:
    """The hosts by their kind: `{"gpu-amd64": [atlas-gpu01, atlas-gpu02]}`."""
    found: defaultdict[str, list[Node]] = defaultdict(list)
    for node in map(cluster.node, names):
        found[node.kind].append(node)
    return dict(found)
