"""Runbook 3.8: packages, Docker and the GPU runtime on every host. A driver is never installed, purged or upgraded."""

from __future__ import annotations

from checks import accounts, docker
from checks.host import system
from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import gpu_hosts
from dlws.facts.network import files_with_dnsmasq
from dlws.facts.packages import missing_packages
from dlws.parse.network import network_manager
from dlws.remote.change import Change
from dlws.remote.host import Host
from install.guards import refuse_on_node


@stage(
    section="3.8",
    after=["reachability", "package_lists"],
    proves=[system.test_packages_are_whole, system.test_node_packages_are_installed],
)
def test_node_packages(cluster: Cluster, host: Host, change: Change) -> None:
    """Complete any interrupted dpkg run, then install the packages that every node needs."""
    change.run("dpkg --configure -a")
    change.install_packages(missing_packages(host, cluster.suite.packages.node))


@stage(
    section="3.8",
    after="node_packages",
    proves=[names.test_no_local_dnsmasq, names.test_apache_is_off],
)
def test_leftovers(host: Host, change: Change) -> None:
    """Turn off services that conflict: NetworkManager's dnsmasq and apache2 on port 80."""
    files = files_with_dnsmasq(host)
    for path in files:
        change.edit_file(path, network_manager.without_dnsmasq)
    if files:
        change.run("systemctl try-restart NetworkManager")
    if host.run("systemctl cat apache2").rc == 0:
        change.run("systemctl disable --now apache2")


@stage(section="3.8", after="node_packages", proves=[docker.test_docker_is_active, docker.test_docker_answers])
def test_docker(cluster: Cluster, host: Host, change: Change) -> None:
    """Install Docker unless some package has already done so, and start it now and at boot."""
    if host.run("command -v dockerd").rc != 0:
        change.install_packages(cluster.suite.packages.docker)
    change.run("systemctl enable --now docker")


@stage(section="3.8", after=["docker", "admin_user"], proves=[accounts.test_admin_may_use_docker])
def test_docker_group(cluster: Cluster, change: Change) -> None:
    """Add the admin user to the docker group."""
    change.run("usermod -aG docker %s", cluster.admin_username)


@stage(section="3.8", on=gpu_hosts, after="docker", proves=[docker.test_nvidia_runtime_answers])
def test_gpu_runtime(cluster: Cluster, change: Change) -> None:
    """Install the NVIDIA container runtime and restart Docker to register it."""
    change.install_packages(cluster.suite.packages.gpu_runtime)
    change.run("systemctl restart docker")


@stage(
    section="3.8", after=["swap_off", "docker", "gpu_runtime", "leftovers"], proves=[system.test_no_reboot_is_pending]
)
def test_reboot(host: Host, change: Change) -> None:
    """Restart the host if a package requires it, and wait until it is back; a cluster node is never restarted here."""
    refuse_on_node(host, "its pods must be drained first; pytest -m reboot drains and restarts one role at a time")
    change.reboot()
