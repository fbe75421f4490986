"""The nodes of the cluster, as the API server has them."""

from __future__ import annotations

from typing import Final

from dlws.platform.manifests import CONTROL_PLANE_TAINT, MASTER_TAINT
from dlws.remote.kubernetes import Kubernetes, Object

MASTER_TAINTS: Final = (MASTER_TAINT, CONTROL_PLANE_TAINT)
"""The taints that kubeadm gives a control plane: the first up to Kubernetes 1.23, the second from 1.24 on."""


def nodes_by_name(kube: Kubernetes) -> dict[str, Object]:
    """Every node of the cluster, by its name: `{"atlas01": {"metadata": {...}, "spec": {...}, "status": {...}}}`."""
    return {str(node["metadata"]["name"]): node for node in kube.list("nodes")}


def labels_of(node: Object) -> dict[str, str]:
    """A node's labels: `{"kubernetes.io/hostname": "atlas01"}`."""
    return dict(node["metadata"].get("labels") or {})


def master_taints(node: Object) -> list[str]:
    """The keys of a node's taints that keep jobs off a master: `["node-role.kubernetes.io/master"]`."""
    taints = node["spec"].get("taints") or ()
    return [t["key"] for t in taints if t["effect"] == "NoSchedule" and t["key"] in MASTER_TAINTS]
