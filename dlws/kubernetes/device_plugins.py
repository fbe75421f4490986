"""The device plugins of runbook 3.13: upstream's manifests, adapted to the machines of this cluster.

Names, labels, selectors, images and host paths as in upstream's services nvidia-device-plugin and a910-device-plugin.
Two differences: a machine with a `series` has it in its gpuType label, and the selector follows; /etc/hccn.conf is
mounted as a file, where Docker would make a folder of that name on a host that lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.inventory import Device, Node
from dlws.kubernetes import labels
from dlws.verdict import Unparsable

NAMESPACE: Final = "kube-system"
SOCKETS: Final = "/var/lib/kubelet/device-plugins"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin: its DaemonSet, the resource that it makes nodes offer, and its machines (at least one)."""

    name: str
    device: Device
    resource: str
    label: tuple[str, str]
    container: str
    image: str
    nodes: tuple[Node, ...]
    gpu_types: tuple[str, ...]
    """The values of the node label gpuType that select its machines."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The DaemonSet as an API object."""
        key, value = self.label
        meta: dict[str, Any] = {"labels": {key: value}}
        if self.device is Device.GPU:
            meta["annotations"] = {"scheduler.alpha.kubernetes.io/critical-pod": ""}
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": self.name, "namespace": NAMESPACE, "labels": {key: value}},
            "spec": {
                "selector": {"matchLabels": {key: value}},
                "updateStrategy": {"type": "RollingUpdate"},
                "template": {"metadata": meta, "spec": {**self._placement(), **self._pod()}},
            },
        }

    def _placement(self) -> dict[str, Any]:
        if len(self.gpu_types) == 1:
            return {"nodeSelector": {"gpuType": self.gpu_types[0]}}
        term = {"matchExpressions": [{"key": "gpuType", "operator": "In", "values": list(self.gpu_types)}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        return {"affinity": {"nodeAffinity": required}}

    def _pod(self) -> dict[str, Any]:
        return _nvidia(self) if self.device is Device.GPU else _a910(self)


@kept
def plugins(cluster: Cluster) -> tuple[Plugin, ...]:
    """The plugins that the cluster needs: NVIDIA's, Huawei's, both or none."""
    images = cluster.suite.device_plugins
    a910 = images.a910 or f"{cluster.settings.dockerregistry}a910-device-plugin:devel3"
    candidates = (
        _plugin(
            cluster,
            "nvidia-device-plugin-daemonset",
            Device.GPU,
            "nvidia.com/gpu",
            ("name", "nvidia-device-plugin-ds"),
            "nvidia-device-plugin-ctr",
            images.nvidia,
        ),
        _plugin(
            cluster,
            "a910-device-plugin",
            Device.NPU,
            "npu.huawei.com/NPU",
            ("app", "a910-device-plugin"),
            "a910-device-plugin",
            a910,
        ),
    )
    return tuple(plugin for plugin in candidates if plugin.nodes)


@kept
def hosts(cluster: Cluster) -> tuple[Node, ...]:
    """The machines that offer devices to jobs: those with accelerators, the master only where it takes jobs."""
    return tuple(n for n in cluster.nodes if n.device_count and labels.takes_jobs(cluster, n))


def kind(cluster: Cluster, node: Node) -> str:
    """The label gpuType of one of `hosts`, by which jobs request it: `huawei_npu_arm64`, `nvidia_gpu_amd64_V100`."""
    return labels.worker_labels(cluster, node)["gpuType"]


def alike(cluster: Cluster, node: Node) -> tuple[Node, ...]:
    """All of `hosts` that are of the same kind as `node`, including `node`."""
    return _by_kind(cluster)[kind(cluster, node)]


@kept
def _by_kind(cluster: Cluster) -> Mapping[str, tuple[Node, ...]]:
    found: dict[str, list[Node]] = {}
    for node in hosts(cluster):
        found.setdefault(kind(cluster, node), []).append(node)
    return {kind: tuple(nodes) for kind, nodes in found.items()}


def for_node(cluster: Cluster, node: Node) -> Plugin:
    """The plugin that runs on one of `hosts`. LookupError for any other machine."""
    if node.name not in _by_host(cluster):
        raise LookupError(f"{node.name} offers no devices")
    return _by_host(cluster)[node.name]


@kept
def _by_host(cluster: Cluster) -> Mapping[str, Plugin]:
    return {node.name: plugin for plugin in plugins(cluster) for node in plugin.nodes}


def selects(pod: Mapping[str, Any], node_labels: Mapping[str, str]) -> bool:
    """Whether a pod's nodeSelector and required node affinity match a node with these labels.

    Raises Unparsable for an operator other than In, which neither upstream nor the suite uses.
    """
    if not (pod.get("nodeSelector") or {}).items() <= node_labels.items():
        return False
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    return terms is None or any(_fits(term, node_labels) for term in terms)


def _fits(term: Mapping[str, Any], node_labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchExpressions", [])
    if strange := [e["operator"] for e in expressions if e["operator"] != "In"] or list(term.get("matchFields", [])):
        raise Unparsable(f"node affinity of a device plugin: not understood: {strange[0]}")
    return all(node_labels.get(e["key"]) in e["values"] for e in expressions)


def _plugin(
    cluster: Cluster, name: str, device: Device, resource: str, label: tuple[str, str], container: str, image: str
) -> Plugin:
    nodes = tuple(node for node in hosts(cluster) if node.device is device)
    kinds = {kind(cluster, node) for node in nodes}
    return Plugin(name, device, resource, label, container, image, nodes, tuple(sorted(kinds)))


def _nvidia(plugin: Plugin) -> dict[str, Any]:
    return {
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        ],
        "containers": [
            {
                "name": plugin.container,
                "image": plugin.image,
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "device-plugin", "mountPath": SOCKETS}],
            }
        ],
        "volumes": [{"name": "device-plugin", "hostPath": {"path": SOCKETS}}],
    }


def _a910(plugin: Plugin) -> dict[str, Any]:
    paths = {"devfs": "/dev", "sysfs": "/sys/class/devdrv-class", "kubeletsockets": SOCKETS, "hccn": "/etc/hccn.conf"}
    volumes: list[dict[str, Any]] = [{"name": name, "hostPath": {"path": path}} for name, path in paths.items()]
    volumes[-1]["hostPath"]["type"] = "FileOrCreate"
    mounts: list[dict[str, Any]] = [{"name": name, "mountPath": path} for name, path in paths.items()]
    mounts[1]["readOnly"] = True
    return {
        "hostNetwork": True,
        "containers": [
            {
                "name": plugin.container,
                "image": plugin.image,
                "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "securityContext": {"privileged": True},
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
