"""Where a check or a stage applies: functions from the cluster to its targets, used as `on=`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dlws.config import shares
from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.inventory import Control, Device, Target, Vendor, Whole
from dlws.kubernetes import device_plugins

Selector = Callable[[Cluster], Sequence[Target]]

CONTROL = Control()
WHOLE = Whole()


def every_host(cluster: Cluster) -> Sequence[Target]:
    """All machines of the cluster, those under `scale_up` included."""
    return cluster.nodes


def master(cluster: Cluster) -> Sequence[Target]:
    """The infrastructure machine."""
    return (cluster.master,)


def pod_network_master(cluster: Cluster) -> Sequence[Target]:
    """The master, where the configuration names a pod network; nobody otherwise."""
    return (cluster.master,) if cluster.cni_manifest else ()


def hosts_with_apt_source(cluster: Cluster) -> Sequence[Target]:
    """All machines, where the configuration names an apt source for Kubernetes; nobody otherwise."""
    return cluster.nodes if cluster.suite.kubernetes.apt_source else ()


def leaving_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines under `scale_down`."""
    return cluster.leaving


def workers(cluster: Cluster) -> Sequence[Target]:
    """The machines with role worker."""
    return cluster.workers


def gpu_hosts(cluster: Cluster) -> Sequence[Target]:
    """Machines with NVIDIA GPUs."""
    return tuple(n for n in cluster.nodes if n.device is Device.GPU and n.vendor is Vendor.NVIDIA)


def npu_hosts(cluster: Cluster) -> Sequence[Target]:
    """Machines with Huawei Ascend NPUs."""
    return tuple(n for n in cluster.nodes if n.device is Device.NPU)


def npu_cluster(cluster: Cluster) -> Sequence[Target]:
    """All hosts together, where some have Huawei Ascend NPUs; nobody otherwise."""
    return (WHOLE,) if npu_hosts(cluster) else ()


def control_host(cluster: Cluster) -> Sequence[Target]:
    """The machine that runs the suite."""
    return (CONTROL,)


def whole_cluster(cluster: Cluster) -> Sequence[Target]:
    """One test for all hosts together."""
    return (WHOLE,)


def public_control_host(cluster: Cluster) -> Sequence[Target]:
    """The control host, where public access is configured (runbook 2.3); nobody otherwise."""
    return (CONTROL,) if cluster.suite.public_address else ()


def sharing_hosts(cluster: Cluster) -> Sequence[Target]:
    """All machines, where a share is configured (runbook 3.12); nobody otherwise."""
    return cluster.nodes if cluster.mounts else ()


def sharing_cluster(cluster: Cluster) -> Sequence[Target]:
    """All hosts together, where a share is configured; nobody otherwise."""
    return (WHOLE,) if cluster.mounts else ()


def storage_servers(cluster: Cluster) -> Sequence[Target]:
    """The machines that serve a share."""
    return tuple(node for node in cluster.nodes if shares.served_by(cluster, node))


def folder_keepers(cluster: Cluster) -> Sequence[Target]:
    """The machines that make and watch over the folders of a share."""
    return tuple(node for node in cluster.nodes if shares.folders_kept_by(cluster, node))


def device_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines that offer accelerators to jobs (runbook 3.13)."""
    return device_plugins.hosts(cluster)


def first_device_host_of_each_kind(cluster: Cluster) -> Sequence[Target]:
    """Of the machines that offer accelerators to jobs the first of each kind that jobs can ask for."""
    return tuple(n for n in device_plugins.hosts(cluster) if device_plugins.alike(cluster, n)[0] == n)


def device_plugin_master(cluster: Cluster) -> Sequence[Target]:
    """The master, where some machine offers accelerators; nobody otherwise."""
    return (cluster.master,) if device_plugins.hosts(cluster) else ()


def platform_control(cluster: Cluster) -> Sequence[Target]:
    """The control host, where the configuration names a checkout of the platform; nobody otherwise."""
    return (CONTROL,) if cluster.dlworkspace else ()


def browsing_control_host(cluster: Cluster) -> Sequence[Target]:
    """The control host, where the platform is part of the cluster and a browser is named; nobody otherwise."""
    return (CONTROL,) if cluster.dlworkspace and cluster.suite.browser else ()


def platform_cluster(cluster: Cluster) -> Sequence[Target]:
    """All hosts together, where the platform is part of the cluster; nobody otherwise."""
    return (WHOLE,) if cluster.dlworkspace else ()


def platform_master(cluster: Cluster) -> Sequence[Target]:
    """The master, where the platform is part of the cluster; nobody otherwise."""
    return (cluster.master,) if cluster.dlworkspace else ()


def platform_hosts(cluster: Cluster) -> Sequence[Target]:
    """All machines, where the platform is part of the cluster; nobody otherwise."""
    return cluster.nodes if cluster.dlworkspace else ()


def platform_workers(cluster: Cluster) -> Sequence[Target]:
    """The workers, where the platform is part of the cluster; nobody otherwise."""
    return cluster.workers if cluster.dlworkspace else ()


def platform_npu_hosts(cluster: Cluster) -> Sequence[Target]:
    """Machines with Ascend NPUs, where the platform is part of the cluster; nobody otherwise."""
    return npu_hosts(cluster) if cluster.dlworkspace else ()


def platform_device_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines that offer accelerators to jobs, where the platform is part of the cluster; nobody otherwise."""
    return device_hosts(cluster) if cluster.dlworkspace else ()


def image_builders(cluster: Cluster) -> Sequence[Target]:
    """One machine of every architecture, where the platform's images are built; nobody otherwise."""
    return _keepers(cluster) if cluster.suite.images is Images.BUILD else ()


def image_keepers(cluster: Cluster) -> Sequence[Target]:
    """One machine of every architecture, where the platform's images are in a registry; nobody otherwise."""
    from dlws.platform import renderings  # here: jinja2, for commands that are refused or have no platform

    return _keepers(cluster) if renderings.has_registry(cluster) else ()


def registry_users(cluster: Cluster) -> Sequence[Target]:
    """All machines, where the registry of the platform's images asks for a login; nobody otherwise."""
    return platform_hosts(cluster) if cluster.registry_config else ()


def _keepers(cluster: Cluster) -> Sequence[Target]:
    from dlws.platform import renderings

    return tuple(renderings.keeper(cluster, arch) for arch in cluster.archs) if cluster.dlworkspace else ()
