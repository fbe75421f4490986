"""Runbook 3.10: kubeadm, kubelet and kubectl on every host, in the version of `k8s-gitbranch`, and their images."""

from __future__ import annotations

from functools import partial

from checks.host import kernel
from checks.kubernetes import kube_host
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.facts.kernel import SETTINGS, forgotten_modules, missing_modules
from dlws.facts.kube_host import (
    PACKAGES,
    installed_packages,
    missing_images,
    package_files,
    package_version,
    packages_of,
)
from dlws.inventory import Node
from dlws.parse.versions import kubernetes as version_of
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.remote.spool import CACHE
from install.guards import refuse_on_node
from install.images import load_or_pull

MODULES = "/etc/modules-load.d/dlws-kubernetes.conf"
SYSCTL = "/etc/sysctl.d/90-dlws-kubernetes.conf"


@stage(
    section="3.10",
    after="node_packages",
    proves=[kernel.test_kernel_modules, kernel.test_bridged_packets_are_filtered],
)
def test_kernel(host: Host, change: Change) -> None:
    """Load the kernel modules that kubeadm needs and pass bridged packets through iptables, now and at boot."""
    missing = missing_modules(host)
    for name in missing:
        change.run("modprobe %s", name)
    if at_boot := sorted({*missing, *forgotten_modules(host)}):
        change.edit_file(MODULES, partial(with_lines, lines=at_boot))
    change.write_file(SYSCTL, "".join(f"{key} = 1\n" for key in SETTINGS))
    change.run("sysctl -q -p %s", SYSCTL)


@stage(
    section="3.10",
    after=["docker", "package_lists"],  # apt is locked by docker's stage, and kubelet needs a container runtime
    proves=[
        kube_host.test_kubernetes_packages,
        kube_host.test_kubernetes_packages_are_held,
        kube_host.test_kubelet_is_enabled,
    ],
)
def test_kube_packages(cluster: Cluster, host: Host, change: Change) -> None:
    """Install kubeadm, kubelet and kubectl and put them on hold; a cluster node is never upgraded here."""
    installed, required = installed_packages(host), version_of(cluster.kubernetes_version)
    others = [name for name, version in installed.items() if version_of(version) != required]
    if others:
        versions = ", ".join(f"{name} {installed[name]}" for name in others)
        refuse_on_node(host, f"it has {versions}; upgrade it manually with kubeadm")
        change.run("apt-mark unhold " + " ".join(others))
    if others or len(installed) < len(PACKAGES):
        change.install_packages(packages(cluster, host, change))
    change.run("apt-mark hold " + " ".join(PACKAGES))
    change.run("systemctl enable kubelet")


@stage(section="3.10", after=["docker", "kube_packages"], proves=[kube_host.test_kubernetes_images_are_present])
def test_kube_images(node: Node, cluster: Cluster, host: Host, notes: Notes, change: Change) -> None:
    """Load the Kubernetes and pod network images from the image archives, or pull them."""
    if not host.package("kubeadm").is_installed:
        return  # in a plan: kubeadm, which lists the images, is not yet installed
    for image in missing_images(node, cluster, host, notes):
        load_or_pull(change, cluster, node, image)


def packages(cluster: Cluster, host: Host, change: Change) -> list[str]:
    """The arguments for apt: `NAME=VERSION` or, from a folder of packages, the files copied to the host."""
    if cluster.packages_folder is None:
        return packages_of(cluster)
    arch = host.read("dpkg --print-architecture").strip()
    try:
        debs = package_files(cluster.packages_folder, arch, package_version(cluster))
    except FileNotFoundError as error:
        raise ChangeFailed(str(error)) from None
    change.make_directory(CACHE)
    for deb in debs:
        change.put_file(f"{CACHE}/{deb.name}", deb, text=f"copy {deb.name}")
    return [f"{CACHE}/{deb.name}" for deb in debs]


def with_lines(text: str, lines: list[str]) -> str:
    """The text with the missing ones of these lines appended."""
    present = text.splitlines()
    return "".join(f"{line}\n" for line in [*present, *(line for line in lines if line not in present)])
