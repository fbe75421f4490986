"""Runbook 3.13: the device plugins, which offer the accelerators to Kubernetes."""

from __future__ import annotations

from checks.kubernetes import accelerators
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import device_hosts, device_plugin_master
from dlws.facts.accelerators import driver_device_count, offered_devices, plugin_pods
from dlws.inventory import Node
from dlws.kubernetes import device_plugins
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from install.images import load_or_pull

REGISTRATION = 300.0  # seconds for the pod to start and the kubelet to count the devices


@stage(section="3.13", on=device_hosts, after="reboot", proves=[accelerators.test_plugin_image_is_present])
def test_device_plugin_image(node: Node, cluster: Cluster, change: Change) -> None:
    """Load the device plugin's image from the image archives, or pull it."""
    load_or_pull(change, cluster, node, device_plugins.for_node(cluster, node).image)


@stage(section="3.13", on=device_plugin_master, after="admin_conf", proves=[accelerators.test_plugins_are_deployed])
def test_device_plugins(cluster: Cluster, change: Change) -> None:
    """Apply the device plugin DaemonSet of each kind of accelerator."""
    for plugin in device_plugins.plugins(cluster):
        change.apply(plugin.manifest)


@stage(
    section="3.13",
    on=device_hosts,
    after=["device_plugin_image", "device_plugins[*]", "labels", "node_ready", "master_taint"],
    proves=[
        accelerators.test_plugin_runs,
        accelerators.test_every_device_is_allocatable,
        accelerators.test_plugin_sockets_are_live,
    ],
)
def test_devices(node: Node, cluster: Cluster, host: Host, kube: Kubernetes, change: Change) -> None:
    """Wait until the device plugin has registered every device of the host with the kubelet, and its pod is ready."""
    plugin, count = device_plugins.for_node(cluster, node), driver_device_count(node, host)

    def offers_all() -> bool:  # a plugin registers before its pod is reported as ready
        offered = offered_devices(kube.get("nodes", node.name), plugin.resource)
        return offered == (count, count) and plugin_pods(plugin, node, kube) == ["ready"]

    change.wait_until(f"{node.name} offers {count} {plugin.resource}", offers_all, REGISTRATION)
