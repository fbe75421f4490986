"""The labels that DLWS puts on Kubernetes nodes: `kubernetes labelservice` and `labelworker` of upstream's deploy.py.

Pure data and rules (docs/upstream.md#node-labels). Every service label has the value `active`. The configuration's
`kubelabels` is merged over the table as deploy.py merges it: label to target.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.inventory import Device, Node, Role

ACTIVE: Final = "active"
MASTER_TAINTS: Final = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
"""The keys of the NoSchedule taint that kubeadm gives a master: up to Kubernetes 1.23, and from 1.24 on."""

_TABLE: Final = {
    "etcd_node": "infrastructure zookeeper journalnode",
    "etcd_node_1": "webportal restfulapi jobmanager repairmanager grafana prometheus alert-manager watchdog kibana"
    " mysql user-synchronizer namenode1 webui3 restfulapi2 jobmanager2",
    "etcd_node_2": "namenode2",
    "worker_node": "worker hdfs glusterfs a910-device-plugin",
    "all": "nginx datanode FragmentGPUJob all default",
    "mysqlserver_node": "mysql-server",
    "nfs_node": "storagemanager",
    "elasticsearch_node": "elasticsearch",
}
_ADDED: Final = (
    "blobfuse-flexvol-installer cloud-fluentd-es-config-v0.1.0 cloud-fluentd-es-v2.0.2"
    " custom-user-dashboard-backend custom-user-dashboard-backend-arm64 custom-user-dashboard-frontend"
    " custom-user-dashboard-frontend-arm64 dashboard dotnet-server fluent-bit fluent-bit-config freeflowrouter"
    " google-cadvisor job-exporter node-exporter nvidia-device-plugin-daemonset openresty repairmanager2 webui2"
)
"""Upstream adds, for all nodes, every single-document manifest of `services/` that the table does not name."""

TARGETS: Final[Mapping[str, str]] = {
    label: target for target, labels in (*_TABLE.items(), ("all", _ADDED)) for label in labels.split()
}
"""By service label, the machines that get it."""

_CONSUMED: Final = (
    "mysql jobmanager restfulapi webportal repairmanager watchdog prometheus grafana alert-manager"
    " archType gpuType gpu worker FragmentGPUJob"
)
CONSUMED: Final = frozenset(_CONSUMED.split())
"""The labels that a selector of the runbook's services or of a job uses (4.1; gpu: the NVIDIA plugin of V0.1.6.1).
On the wrong node they place a service there; all others are for information only."""


def for_node(cluster: Cluster, node: Node) -> Mapping[str, str]:
    """All labels that DLWS gives a machine of the cluster."""
    return _of_all(cluster)[node.name]


def nodes_with(cluster: Cluster, label: str) -> tuple[Node, ...]:
    """The machines of the cluster that get a label, in the order of the configuration; for "" all."""
    return _by_label(cluster).get(label, ()) if label else cluster.nodes


def names_with(cluster: Cluster, label: str) -> Collection[str]:
    """The names of those machines."""
    return _names_by_label(cluster).get(label, frozenset())


@kept
def _of_all(cluster: Cluster) -> Mapping[str, Mapping[str, str]]:
    """The labels by the name of a machine."""
    services = _service_labels(cluster)
    return {node.name: MappingProxyType(services[node.name] | worker_labels(cluster, node)) for node in cluster.nodes}


@kept
def _by_label(cluster: Cluster) -> dict[str, tuple[Node, ...]]:
    found: dict[str, list[Node]] = {}
    for node in cluster.nodes:
        for label in for_node(cluster, node):
            found.setdefault(label, []).append(node)
    return {label: tuple(nodes) for label, nodes in found.items()}


@kept
def _names_by_label(cluster: Cluster) -> Mapping[str, frozenset[str]]:
    every = {"": cluster.nodes} | _by_label(cluster)
    return {label: frozenset(node.name for node in nodes) for label, nodes in every.items()}


def _service_labels(cluster: Cluster) -> Mapping[str, dict[str, str]]:
    """The labels of `kubernetes labelservice`, by the name of the machine that is their target."""
    targets = dict(TARGETS) | {k: str(v) for k, v in (cluster.settings.kubelabels or {}).items()}
    infrastructure = [node.name for node in cluster.nodes if node.role is Role.INFRASTRUCTURE]
    machines = cluster.settings.machines | cluster.settings.scale_up
    keys = {name: frozenset(row.model_dump(by_alias=True, exclude_none=True)) for name, row in machines.items()}
    return {
        node.name: {
            label: ACTIVE
            for label, target in targets.items()
            if _is_target(node, target, infrastructure, keys.get(node.name, frozenset()))
        }
        for node in cluster.nodes
    }


def worker_labels(cluster: Cluster, node: Node) -> dict[str, str]:
    """The labels of `labelworker`: the architecture, and on nodes that take jobs also the accelerators."""
    labels = {"archType": str(node.arch)}
    if node.role is not Role.WORKER and not takes_jobs(cluster, node):
        return labels
    labels |= {"worker": ACTIVE, str(node.device): ACTIVE}
    if node.device in (Device.GPU, Device.NPU):
        named = [str(node.vendor), *([node.series] if node.series else [])]
        labels |= dict.fromkeys(named, ACTIVE)
        labels["gpuType"] = "_".join([str(node.vendor), str(node.device), str(node.arch), *named[1:]])
    return labels


def takes_jobs(cluster: Cluster, node: Node) -> bool:
    """Whether jobs may be placed on the node: a worker, or the master if the configuration allows it."""
    return node.role is Role.WORKER or cluster.suite.kubernetes.master_as_worker


def misplaced(cluster: Cluster, node: Node, found: Mapping[str, str]) -> list[str]:
    """The consumed labels that a node has but should not have, sorted: a service or a job would be placed on it."""
    return sorted(CONSUMED & found.keys() - for_node(cluster, node).keys())


def _is_target(node: Node, target: str, infrastructure: Sequence[str], keys: Collection[str]) -> bool:
    """Whether a machine is a target; `keys` are those of its row in config.yaml, `infrastructure` names in order."""
    match target:
        case "all":
            return True
        case "worker_node":
            return node.role is Role.WORKER
        case "etcd_node":
            return node.name in infrastructure
        case _ if target.startswith("etcd_node_") and target[10:].isdigit():
            return node.name in infrastructure[int(target[10:]) - 1 : int(target[10:])]
        case "mysqlserver_node" | "nfs_node" | "elasticsearch_node":
            return False  # roles of their own upstream; a machine here is infrastructure or worker
        case _:
            return target in keys
