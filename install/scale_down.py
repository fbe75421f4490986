"""`-m scale_down --confirm CLUSTER`: the machines under `scale_down`, and no others, leave the cluster.

One that is there is drained, deleted and reset. One that suite.lost_hosts names is not asked: its node is deleted, once
nothing answers at its address (as kubespray's remove-node with reset_nodes=false).
"""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import leaving_hosts, lost_hosts
from dlws.inventory import Node
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from install import leaving
from install.guards import refuse_silent

SCALE_DOWN = ("scale_down",)


@stage(section="scale_down", on=leaving_hosts, commands=SCALE_DOWN, proves=[leaving.test_no_work_is_left])
def test_drained(node: Node, cluster: Cluster, kube: Kubernetes, on_master: Change) -> None:
    """Drain the node, so that its pods run elsewhere."""
    refuse_silent(node, kube)
    leaving.drain(cluster, node, on_master)


@stage(section="scale_down", on=leaving_hosts, after="drained", commands=SCALE_DOWN, proves=[leaving.test_node_is_gone])
def test_deleted(node: Node, on_master: Change) -> None:
    """Delete the node from the cluster."""
    leaving.forget(node, on_master)


@stage(
    section="scale_down", on=leaving_hosts, after="deleted", commands=SCALE_DOWN, proves=[leaving.test_host_is_clean]
)
def test_departed(host: Host, change: Change) -> None:
    """Remove Kubernetes from the host."""
    leaving.reset(change)


@stage(
    section="scale_down",
    on=leaving_hosts,
    after="departed",
    commands=SCALE_DOWN,
    proves=[leaving.test_no_lease_is_left],
)
def test_forgotten(node: Node, on_master: Change) -> None:
    """Delete the lease that its kubelet recreated before it stopped."""
    on_master.delete("leases", node.name, namespace=leaving.LEASES)


@stage(section="scale_down", on=lost_hosts, commands=SCALE_DOWN, proves=[leaving.test_host_is_silent])
def test_lost() -> None:
    """A host that is given up as lost is as dead as that."""


@stage(
    section="scale_down",
    on=lost_hosts,
    after="lost",
    commands=SCALE_DOWN,
    proves=[leaving.test_node_is_gone, leaving.test_no_lease_is_left],
)
def test_given_up(node: Node, on_master: Change) -> None:
    """Delete the node of a host that is lost; its pods are deleted with it, without a word from its kubelet."""
    leaving.forget(node, on_master)
    on_master.delete("leases", node.name, namespace=leaving.LEASES)
