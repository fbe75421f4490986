"""The nodes of the cluster, as the API server has them."""

from __future__ import annotations

from collections.abc import Mapping

from dlws.kubernetes.labels import MASTER_TAINTS
from dlws.kubernetes.objects import Object
from dlws.remote.kubernetes import Kubernetes


def nodes_by_name(kube: Kubernetes) -> Mapping[str, Object]:
    """Every node of the cluster, by its name: `{"atlas01": {"metadata": {...}, "spec": {...}, "status": {...}}}`."""
    return kube.list("nodes").by_name


def labels_of(node: Object) -> dict[str, str]:
    """A node's labels: `{"kubernetes.io/hostname": "atlas01"}`."""
    return dict(node["metadata"].get("labels") or {})


def master_taints(node: Object) -> list[str]:
    """The keys of a node's taints that keep jobs off a master (`dlws.kubernetes.labels.MASTER_TAINTS`)."""
    taints = node["spec"].get("taints") or ()
    return [t["key"] for t in taints if t["effect"] == "NoSchedule" and t["key"] in MASTER_TAINTS]
