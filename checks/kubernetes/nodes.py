"""K: the cluster's nodes, as the API server knows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from checks.kubernetes import kube_host
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_among, expect_that
from dlws.engine.targets import whole_cluster
from dlws.facts.nodes import nodes_by_name
from dlws.inventory import Node
from dlws.kubernetes import objects
from dlws.kubernetes.labels import MASTER_TAINTS
from dlws.kubernetes.objects import Object
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity, Unknown

FULL = 0.9  # of what a node can allocate
CONDITIONS_OF_TAINTS = {
    "not-ready": ("Ready", "False"),
    "unreachable": ("Ready", "Unknown"),
    "memory-pressure": ("MemoryPressure", "True"),
    "disk-pressure": ("DiskPressure", "True"),
    "pid-pressure": ("PIDPressure", "True"),
    "network-unavailable": ("NetworkUnavailable", "True"),
}
"""By taint below node.kubernetes.io/, the condition from which the controller manager sets it and takes it away again
(node_lifecycle_controller.go). K02 and K03 report the condition."""
PRESSURE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
PROBLEMS = (
    *("KernelDeadlock", "ReadonlyFilesystem", "XfsShutdown", "CorruptDockerOverlay2", "CperHardwareErrorFatal"),
    *("FrequentUnregisterNetDevice", "FrequentKubeletRestart", "FrequentDockerRestart", "FrequentContainerdRestart"),
    *("KubeletUnhealthy", "ContainerRuntimeUnhealthy", "KubeletProblem", "ContainerRuntimeProblem", "NTPProblem"),
    *("KubeProxyUnhealthy", "DiskBadBlock"),
)
"""Conditions of node-problem-detector (its config/*.json); True means trouble."""


@check(
    "K01",
    section="3.11",
    source="upstream ctl.py verifyallnodes",
    title_zh="主机已加入集群",
    fix="run pytest -m install, which joins the host and reports incomplete joins",
)
def test_host_is_a_node(node: Node, kube: Kubernetes) -> None:
    """The host is a node of the cluster."""
    registered(kube, node)


@check(
    "K13",
    section="3.11",
    source="kubespray",
    on=whole_cluster,
    title_zh="集群中没有 config.yaml 之外的节点",
    fix="add the machine to config.yaml; or put it under scale_down, in suite.lost_hosts too if its host is gone"
    " for good, and run pytest -m scale_down",
)
def test_no_node_is_unknown(cluster: Cluster, kube: Kubernetes) -> None:
    """Every node of the cluster is listed in config.yaml."""
    extra = nodes_by_name(kube).keys() - {n.name for n in cluster.nodes}
    expect("nodes not listed in config.yaml", found=extra, expected=set())


@check(
    "K02",
    section="3.11",
    source="upstream check_node_ready.sh",
    title_zh="节点处于 Ready 状态",
    causes=[kube_host.test_kubelet_is_healthy],
    fix="see journalctl -u kubelet on the host; kubectl describe node gives the reason",
)
def test_node_is_ready(node: Node, kube: Kubernetes) -> None:
    """The node is Ready.

    The controller manager (C06) decides this from the kubelet's leases, by a single clock.
    """
    found = registered(kube, node)
    ready = objects.condition_in_words(found, "Ready")
    expect_that(objects.is_ready(found), "Ready condition", found=ready, expected="True")


@check(
    "K03",
    section="3.11",
    source="upstream alert NodeDiskPressure",
    title_zh="节点无资源压力与已知故障且网络可用",
    fix="free disk, memory or PIDs on the host; for NetworkUnavailable, see the CNI pods; else kubectl describe node",
)
def test_node_has_no_pressure(node: Node, kube: Kubernetes) -> None:
    """The node is not short of memory, disk or PIDs, its network is available, and no problem has been detected.

    Conditions that a silent kubelet leaves Unknown are reported by K02.
    """
    conditions = (registered(kube, node).get("status") or {}).get("conditions") or ()
    true = [str(c["type"]) for c in conditions if c["status"] == "True" and c["type"] != "Ready"]
    expect("problem conditions", found=[k for k in true if k in PRESSURE or k in PROBLEMS], expected=[])
    if true:
        raise Unknown(f"node {node.name}: whether these conditions mean trouble is not known: {', '.join(true)}")


@check(
    "K04",
    section="3.11",
    source="runbook 1",
    title_zh="节点 InternalIP 与配置一致",
    fix="give the kubelet --node-ip=<private-ip>, or correct private-ip in config.yaml",
)
def test_node_address(node: Node, kube: Kubernetes) -> None:
    """The node's InternalIP (IPv4) is the configured private address."""
    addresses = objects.status_of(registered(kube, node)).get("addresses") or ()
    found = [a["address"] for a in addresses if a["type"] == "InternalIP"]
    own = [address for address in found if ":" not in address] or found  # a dual-stack node has an IPv6 one as well
    expect("InternalIP", found=own, expected=[node.address])


@check(
    "K05",
    section="3.11",
    source="k0sctl",
    title_zh="节点可调度且污点符合预期",
    fix="kubectl uncordon <node>; kubectl taint node <node> <key>-",
)
def test_node_takes_pods(cluster: Cluster, node: Node, kube: Kubernetes) -> None:
    """The node is not cordoned and has no taint that keeps pods away, other than the control plane's own."""
    found = registered(kube, node)
    spec = found["spec"]
    expect("scheduling", found="cordoned" if spec.get("unschedulable") else "enabled", expected="enabled")
    away = [t for t in spec.get("taints") or () if t["effect"] != "PreferNoSchedule" and not explained(found, t)]
    taints = {f"{taint['key']}:{taint['effect']}" for taint in away}
    planned = {f"{key}:NoSchedule" for key in MASTER_TAINTS} if node == cluster.master else set()
    expect("unexpected taints", found=taints - planned, expected=set())


@check(
    "K07",
    section="3.10",
    source="k8s version skew",
    title_zh="kubelet 版本与配置一致",
    fix="install that version of the kubelet on the host and restart it",
)
def test_kubelet_version(cluster: Cluster, node: Node, kube: Kubernetes) -> None:
    """The node's kubelet runs the configured Kubernetes version."""
    running = software(registered(kube, node)).get("kubeletVersion")
    if not running:
        raise Unknown(f"node {node.name}: its kubelet has never said which version it is")
    expect("kubelet version", found=running, expected=cluster.kubernetes_version)


@check(
    "K12",
    section="3.11",
    source="k8s max-pods",
    severity=Severity.WARNING,
    title_zh="节点的 Pod 数与资源请求未接近上限",
    fix="spread the pods, or add hosts",
)
def test_node_has_room(node: Node, kube: Kubernetes) -> None:
    """Less than 90% of the node's allocatable pods, CPU and memory is in use."""
    room = objects.status_of(registered(kube, node)).get("allocatable") or {}
    pods = kube.list("pods").on(node.name)
    here = [pod for pod in pods if not objects.is_finished(pod) and not objects.has_failed(pod)]
    taken = {"pods": Decimal(len(here))} | {r: objects.requested(here, r) for r in ("cpu", "memory")}
    known = {resource: objects.quantity(room[resource]) for resource in taken if resource in room}
    full = [f"{r} 100% of none" for r, amount in known.items() if amount <= 0]
    shares = {r: float(taken[r] / amount) for r, amount in known.items() if amount > 0}
    full += [f"{resource} {share:.0%}" for resource, share in shares.items() if share >= FULL]
    expect("resources in use to 90% or more", found=full, expected=[])
    if missing := [resource for resource in taken if resource not in known]:
        raise Unknown(f"node {node.name} does not say what can be allocated of {', '.join(missing)}")


@check(
    "K14",
    section="3.10",
    source="k8s version skew",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="同类节点的系统、内核与容器运行时版本一致",
    fix="bring the hosts of a kind to the same versions",
)
def test_versions_are_equal(cluster: Cluster, kube: Kubernetes) -> None:
    """Nodes of a kind run the same OS, kernel and container runtime; all nodes run the same kube-proxy version."""
    infos = {name: software(node) for name, node in nodes_by_name(kube).items()}
    versions: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for machine in (m for m in cluster.nodes if infos.get(m.name)):
        for part in ("osImage", "kernelVersion", "containerRuntimeVersion"):
            versions[f"{part} of {machine.kind}"][infos[machine.name].get(part, "unknown")].append(machine.name)
        versions["kube-proxy"][infos[machine.name].get("kubeProxyVersion", "unknown")].append(machine.name)
    mixed = [
        f"{what}: " + " but ".join(f"{version} on {' and '.join(names)}" for version, names in found.items())
        for what, found in versions.items()
        if len(found) > 1
    ]
    expect("versions that differ", found=mixed, expected=[])


def registered(kube: Kubernetes, node: Node) -> Object:
    """The host's node. Mismatch where it is none."""
    return expect_among(node.name, nodes_by_name(kube), "nodes of the cluster")


def software(found: Object) -> Mapping[str, str]:
    """What a node says of its software, `{"kubeletVersion": "v1.20.15"}`; nothing before its kubelet first reports."""
    return objects.status_of(found).get("nodeInfo") or {}


def explained(found: Object, taint: Mapping[str, Any]) -> bool:
    """Whether a taint stands for a condition that the node has now."""
    domain, _, kind = str(taint["key"]).partition("/")
    if domain != "node.kubernetes.io":
        return False
    condition, status = CONDITIONS_OF_TAINTS.get(kind, ("", "never"))
    return objects.condition(found, condition) == status
