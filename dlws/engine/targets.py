"""The targets of checks and stages: functions from the cluster to its targets, passed as `on=`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dlws.config import shares
from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.inventory import Control, Device, Target, Vendor, Whole
from dlws.kubernetes import device_plugins

Selector = Callable[[Cluster], Sequence[Target]]
Condition = Callable[[Cluster], bool]

CONTROL = Control()
WHOLE = Whole()


def every_host(cluster: Cluster) -> Sequence[Target]:
    """All machines of the cluster, those under `scale_up` included."""
    return cluster.nodes


def master(cluster: Cluster) -> Sequence[Target]:
    """The infrastructure machine."""
    return (cluster.master,)


def every_machine(cluster: Cluster) -> Sequence[Target]:
    """All machines, those under `scale_down` included."""
    return (*cluster.nodes, *cluster.leaving)


def leaving_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines under `scale_down` that are there to be asked."""
    return tuple(node for node in cluster.leaving if node.name not in cluster.suite.lost_hosts)


def lost_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines under `scale_down` that are gone for good."""
    return tuple(node for node in cluster.leaving if node.name in cluster.suite.lost_hosts)


def all_leaving(cluster: Cluster) -> Sequence[Target]:
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


def control_host(cluster: Cluster) -> Sequence[Target]:
    """The machine that runs the suite."""
    return (CONTROL,)


def whole_cluster(cluster: Cluster) -> Sequence[Target]:
    """One test for all hosts together."""
    return (WHOLE,)


def storage_servers(cluster: Cluster) -> Sequence[Target]:
    """The machines that export a share."""
    return tuple(node for node in cluster.nodes if shares.served_by(cluster, node))


def folder_keepers(cluster: Cluster) -> Sequence[Target]:
    """The machines that create and maintain the folders of a share."""
    return tuple(node for node in cluster.nodes if shares.folders_kept_by(cluster, node))


def device_hosts(cluster: Cluster) -> Sequence[Target]:
    """The machines that offer accelerators to jobs (runbook 3.13)."""
    return device_plugins.hosts(cluster)


def first_device_host_of_each_kind(cluster: Cluster) -> Sequence[Target]:
    """One machine of each kind of accelerator that jobs can request: the first in the configuration."""
    return tuple(n for n in device_plugins.hosts(cluster) if device_plugins.alike(cluster, n)[0] == n)


def one_host_per_architecture(cluster: Cluster) -> Sequence[Target]:
    """One machine of every architecture."""
    from dlws.platform import renderings  # here, because it loads jinja2, which only a platform needs

    return tuple(renderings.keeper(cluster, arch) for arch in cluster.archs)


def where(selector: Selector, *conditions: Condition) -> Selector:
    """The selector's targets if all conditions hold for the cluster, otherwise none.

    The name is put together: `where(master, with_platform).__name__ == "master_with_platform"`.
    """

    def targets(cluster: Cluster) -> Sequence[Target]:
        return selector(cluster) if all(holds(cluster) for holds in conditions) else ()

    targets.__name__ = "_".join([selector.__name__, *(condition.__name__ for condition in conditions)])
    targets.__doc__ = f"The targets of {targets.__name__.replace('_', ' ')}; otherwise none."
    return targets


def with_pod_network(cluster: Cluster) -> bool:
    """Whether the configuration names a pod network."""
    return bool(cluster.cni_manifest)


def hosts_with_apt_sources(cluster: Cluster) -> Sequence[Target]:
    """Every host that `suite.apt_sources` has a source for."""
    return tuple(node for node in cluster.nodes if cluster.apt_sources(node))


def with_apt_source(cluster: Cluster) -> bool:
    """Whether the configuration names an apt source for Kubernetes."""
    return bool(cluster.suite.kubernetes.apt_source)


def with_npus(cluster: Cluster) -> bool:
    """Whether any machine has Huawei Ascend NPUs."""
    return bool(npu_hosts(cluster))


def with_accelerators(cluster: Cluster) -> bool:
    """Whether any machine offers accelerators to jobs."""
    return bool(device_plugins.hosts(cluster))


def with_public_access(cluster: Cluster) -> bool:
    """Whether public access is configured (runbook 2.3)."""
    return bool(cluster.suite.public_address)


def with_shares(cluster: Cluster) -> bool:
    """Whether a share is configured (runbook 3.12)."""
    return bool(cluster.mounts)


def with_platform(cluster: Cluster) -> bool:
    """Whether the platform is installed on the cluster, that is, the configuration names a checkout of it."""
    return bool(cluster.dlworkspace)


def with_browser(cluster: Cluster) -> bool:
    """Whether a browser is configured."""
    return bool(cluster.suite.browser)


def with_built_images(cluster: Cluster) -> bool:
    """Whether the suite builds the platform's images."""
    return cluster.suite.images is Images.BUILD


def with_registry(cluster: Cluster) -> bool:
    """Whether the platform's images are in a registry."""
    from dlws.platform import renderings

    return renderings.has_registry(cluster)


def with_registry_login(cluster: Cluster) -> bool:
    """Whether the configuration has a login for the registry of the platform's images."""
    return bool(cluster.registry_config)


def with_content(cluster: Cluster) -> bool:
    """Whether the configuration names a folder with all that the install needs."""
    return bool(cluster.content)


def seeds(cluster: Cluster) -> Sequence[Target]:
    """The hosts that hand files to others."""
    return tuple(node for node in cluster.nodes if node.name in cluster.suite.seeds)


content_control_host = where(control_host, with_content)
content_hosts = where(every_host, with_content)
pod_network_master = where(master, with_pod_network)
hosts_with_apt_source = where(every_host, with_apt_source)
npu_cluster = where(whole_cluster, with_npus)
public_control_host = where(control_host, with_public_access)
sharing_hosts = where(every_host, with_shares)
sharing_cluster = where(whole_cluster, with_shares)
device_plugin_master = where(master, with_accelerators)
platform_control = where(control_host, with_platform)
browsing_control_host = where(control_host, with_platform, with_browser)
platform_cluster = where(whole_cluster, with_platform)
platform_master = where(master, with_platform)
platform_hosts = where(every_host, with_platform)
platform_workers = where(workers, with_platform)
platform_npu_hosts = where(npu_hosts, with_platform)
platform_device_hosts = where(device_hosts, with_platform)
image_builders = where(one_host_per_architecture, with_platform, with_built_images)
image_keepers = where(one_host_per_architecture, with_platform, with_registry)
registry_users = where(every_host, with_platform, with_registry_login)
