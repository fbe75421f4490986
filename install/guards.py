"""Guards against changes that would disturb what already runs and may hold users' jobs and data."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.facts.cluster_ids import ids_on, where_it_is_kept
from dlws.facts.kube_host import membership_of
from dlws.inventory import Node
from dlws.kubernetes.membership import Part
from dlws.kubernetes.objects import condition
from dlws.remote.change import ChangeFailed
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes


def refuse_on_node(host: Host, instead: str) -> None:
    """Raises ChangeFailed if the host is part of a cluster; `instead` says what to do."""
    membership = membership_of(host)
    if membership.part is not Part.NONE:
        raise ChangeFailed(f"{host.name} is part of a cluster ({membership.part}): {instead}")


def refuse_another_id(cluster: Cluster, master: Host, own: str | None) -> None:
    """Raises ChangeFailed if the master has another id of the cluster than `own`. Unknown if it cannot be asked."""
    if found := [one for one in ids_on(master, cluster) if one != own]:
        raise ChangeFailed(f"{master.name}: {cluster.name} has another id: {where_it_is_kept(cluster, found)}")


def refuse_silent(node: Node, kube: Kubernetes) -> None:
    """Raises ChangeFailed if the node's kubelet is silent: an eviction waits until it says that the pod has ended."""
    there = kube.get("nodes", node.name)
    if there and condition(there, "Ready") == "Unknown":
        raise ChangeFailed(
            f"{node.name} was not drained: its kubelet is silent, and would confirm nothing. Bring the host back; if it"
            " is gone for good, name it in suite.lost_hosts, too"
        )
