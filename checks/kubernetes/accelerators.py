"""K, W, R: accelerators as Kubernetes offers them to jobs: the device plugins, and what came of them on each node."""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that
from dlws.engine.targets import device_hosts, device_plugin_master
from dlws.inventory import Device, Node
from dlws.kubernetes import device_plugins, labels
from dlws.kubernetes.device_plugins import NAMESPACE, SOCKETS
from dlws.kubernetes.objects import Object
from dlws.parse.accelerators import npu_smi, nvidia_smi
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

KNOCK = (
    "timeout -k 1 10 python3 -c 'import os, socket, stat\n"
    f'for name in sorted(os.listdir("{SOCKETS}")):\n'
    f'    path = "{SOCKETS}/" + name\n'
    "    if stat.S_ISSOCK(os.lstat(path).st_mode):\n"
    "        door = socket.socket(socket.AF_UNIX)\n"
    "        door.settimeout(2)\n"
    "        print(door.connect_ex(path), name)'"
)
"""Connects to each socket and prints `0 NAME` where somebody listens. The plugin's is in its pod's network namespace,
so the kernel's table (/proc/net/unix) of the host does not have it."""


@check(
    "R18",
    section="3.13",
    source="runbook 3.13",
    on=device_hosts,
    title_zh="设备插件镜像已在主机上且架构正确",
    fix="docker pull the image, or put its archive in the suite.image_archives folder",
)
def test_plugin_image_is_present(node: Node, cluster: Cluster, host: Host) -> None:
    """The device plugin's image is on the host and matches Docker's architecture."""
    image = device_plugins.for_node(cluster, node).image
    arch = host.read("docker version -f '{{.Server.Arch}}'")
    result = host.run_expect([0, 1], "docker image inspect -f '{{.Architecture}}' %s", image)
    found = "no such image" if "no such image" in result.stderr.lower() else result.stdout.strip()
    if not found:
        raise host.unexpected(result)
    expect(f"architecture of {image}", found=found, expected=arch)


@check(
    "W07",
    section="3.13",
    source="upstream device plugin services",
    on=device_plugin_master,
    title_zh="设备插件 DaemonSet 与配置一致",
    fix="run -m install --stages device_plugins",
)
def test_plugins_are_deployed(cluster: Cluster, kube: Kubernetes) -> None:
    """Each accelerator kind has a DaemonSet with the configured image that selects exactly its hosts."""
    for plugin in device_plugins.plugins(cluster):
        what = f"DaemonSet {NAMESPACE}/{plugin.name}"
        found = kube.get("daemonsets", plugin.name, namespace=NAMESPACE)
        if found is None:
            raise Mismatch(what, found="none", expected="one")
        template = found["spec"]["template"]
        images = [container["image"] for container in template["spec"]["containers"]]
        expect(f"images of {what}", found=images, expected=[plugin.image])
        key, value = plugin.label
        expect(f"pod label {key} of {what}", found=template["metadata"]["labels"].get(key, "none"), expected=value)
        meant = [n.name for n in cluster.nodes if device_plugins.selects(template["spec"], labels.for_node(cluster, n))]
        expect(f"hosts selected by {what}", found=meant, expected=[n.name for n in plugin.nodes])


@check(
    "K31",
    section="3.13",
    source="upstream check_k8s.py 06",
    on=device_hosts,
    title_zh="设备插件 Pod 运行正常",
    fix="kubectl -n kube-system describe pod <pod>; kubectl -n kube-system logs <pod>",
)
def test_plugin_runs(node: Node, cluster: Cluster, kube: Kubernetes) -> None:
    """The device plugin's pod runs on the node and is ready."""
    plugin = device_plugins.for_node(cluster, node)
    key, value = plugin.label
    pods = [p for p in kube.list("pods", namespace=NAMESPACE) if p["spec"].get("nodeName") == node.name]
    mine = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(key) == value]
    expect(f"{plugin.name} pods on {node.name}", found=[state(pod) for pod in mine] or "none", expected=["ready"])


@check(
    "K08",
    section="3.13",
    source="runbook 3.13",
    on=device_hosts,
    title_zh="Kubernetes 可分配的加速卡数与物理数量一致",
    fix="read the device plugin's log: kubectl -n kube-system logs <pod>; systemctl restart kubelet",
)
def test_every_device_is_allocatable(node: Node, cluster: Cluster, host: Host, kube: Kubernetes) -> None:
    """Kubernetes counts as many devices on the node as its driver sees, and all of them are allocatable."""
    plugin, there = device_plugins.for_node(cluster, node), physical(node, host)
    counts = "{} known, {} allocatable"
    expected = counts.format(there, there)
    found = next((n for n in kube.list("nodes") if n["metadata"]["name"] == node.name), None)
    if found is None:
        raise Mismatch(f"{node.name} in Kubernetes", found="none", expected="a node")
    known, allocatable = offered(found, plugin.resource)
    expect(plugin.resource, found=counts.format(known, allocatable), expected=expected)


@check(
    "K10",
    section="3.13",
    source="mind-cluster",
    on=device_hosts,
    severity=Severity.WARNING,
    title_zh="设备插件套接字可连接",
    fix="delete the device plugin's pod; its DaemonSet creates another, which registers again",
)
def test_plugin_sockets_are_live(host: Host) -> None:
    """The kubelet and a device plugin listen on their sockets.

    With a dead socket, no device can be allocated.
    """
    rows = [re.fullmatch(r"([0-9]+) (\S+)", line) for line in host.lines(KNOCK)]
    if None in rows:
        raise unparsable("sockets of the device plugins", why="listing not understood")
    live = [row[2] for row in rows if row and row[1] == "0"]
    expect_that("kubelet.sock" in live, f"live sockets in {SOCKETS}", found=live, expected="kubelet.sock among them")
    expect_that(
        len(live) > 1, f"live sockets in {SOCKETS}", found=live, expected="a device plugin's as well as the kubelet's"
    )


def physical(node: Node, host: Host) -> int:
    """How many accelerators the host's driver sees."""
    if node.device is Device.GPU:
        return len(nvidia_smi.listed(host.read("nvidia-smi -L")))
    return len(npu_smi.cards(host.read("npu-smi info -l")))


def offered(found: Object | None, resource: str) -> tuple[int, int]:
    """How many devices a node has by Kubernetes' count, and how many of them may be given to pods; 0 for no node."""
    status = (found or {}).get("status", {})
    counts = [str((status.get(key) or {}).get(resource, "0")) for key in ("capacity", "allocatable")]
    if not all(count.isdecimal() for count in counts):
        raise unparsable(f"{resource} of a node", counts[0])
    return int(counts[0]), int(counts[1])


def state(pod: Object) -> str:
    """`ready`, or what is the matter with a pod: a container's reason for waiting, else the pod's phase."""
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or []
    waiting = [(c.get("state") or {}).get("waiting", {}).get("reason") for c in containers]
    if reasons := [reason for reason in waiting if reason]:
        return str(reasons[0])
    ready = status.get("phase") == "Running" and containers and all(c.get("ready") for c in containers)
    return "ready" if ready else f"{status.get('phase', 'unknown')}, not ready"
