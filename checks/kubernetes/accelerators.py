"""K, W, R: accelerators as Kubernetes offers them to jobs: the device plugins, and what came of them on each node."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_present, expect_that
from dlws.engine.targets import device_hosts, device_plugin_master
from dlws.facts.accelerators import driver_device_count, live_sockets, offered_devices, plugin_pods
from dlws.facts.docker import docker_architecture, image_architecture
from dlws.facts.nodes import nodes_by_name
from dlws.inventory import Node
from dlws.kubernetes import device_plugins, labels
from dlws.kubernetes.device_plugins import NAMESPACE, SOCKETS
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity


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
    arch = docker_architecture(host)
    found = image_architecture(host, image) or "no such image"
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
        found = expect_present(kube.get("daemonsets", plugin.name, namespace=NAMESPACE), what)
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
    expect(f"{plugin.name} pods on {node.name}", found=plugin_pods(plugin, node, kube), expected=["ready"])


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
    plugin, there = device_plugins.for_node(cluster, node), driver_device_count(node, host)
    counts = "{} known, {} allocatable"
    expected = counts.format(there, there)
    found = expect_present(nodes_by_name(kube).get(node.name), f"{node.name} in Kubernetes", expected="a node")
    known, allocatable = offered_devices(found, plugin.resource)
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
    live = live_sockets(host)
    expect_that("kubelet.sock" in live, f"live sockets in {SOCKETS}", found=live, expected="kubelet.sock among them")
    expect_that(
        len(live) > 1, f"live sockets in {SOCKETS}", found=live, expected="a device plugin's as well as the kubelet's"
    )
