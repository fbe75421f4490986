"""The stages of runbook 3.10 and 3.14 on hosts that answer from a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.facts.kube_host import package_files
from dlws.kubernetes import membership
from dlws.kubernetes.membership import NODE
from dlws.remote.change import ChangeFailed
from install import s3_10_kube_packages as stages
from install import s3_14_node_ports
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import API_SERVER, Scripted, change_on, script

VERSIONS = {"kubeadm": "1.17.3-00", "kubectl": "1.18.0-00", "kubelet": "1.17.3-00"}
OLD = {f" -- {name}": (0, f"{name}\t{version}\thi \n", "") for name, version in VERSIONS.items()}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def test_a_member_of_a_cluster_is_not_upgraded(cluster: Cluster) -> None:
    connection = Scripted("atlas02", {**script(NODE), **OLD})
    host, change = change_on(connection)
    with pytest.raises(ChangeFailed, match=r"\(a worker\): it has kubeadm 1\.17\.3-00, kubelet 1\.17\.3-00"):
        stages.test_kube_packages(cluster, host, change)
    assert connection.sent == []


def test_another_version_gives_way_on_a_host_outside_any_cluster(cluster: Cluster) -> None:
    connection = Scripted("atlas02", {**script(), **OLD, "/proc/locks": (0, "", "")})
    host, change = change_on(connection)
    stages.test_kube_packages(cluster, host, change)
    assert [action.text for action in change.actions] == [
        "apt-mark unhold kubeadm kubelet",
        "apt-get update -q",
        "apt-get install kubeadm=1.18.0-00 kubectl=1.18.0-00 kubelet=1.18.0-00",
        "apt-mark hold kubeadm kubectl kubelet",
        "systemctl enable kubelet",
    ]


def test_a_folder_gives_its_packages_for_the_hosts_architecture(tmp_path: Path) -> None:
    names = [
        f"{name}_1.18.0-00_{arch}.deb" for name in ("kubeadm", "kubectl", "kubelet") for arch in ("amd64", "arm64")
    ]
    for name in [*names, "kubelet_1.17.0-00_amd64.deb", "conntrack_1.4_amd64.deb", "keys_1_all.deb"]:
        (tmp_path / name).touch()
    found = [deb.name for deb in package_files(tmp_path, "amd64", "1.18.0-00")]
    assert found == ["conntrack_1.4_amd64.deb", "keys_1_all.deb", *(name for name in names if "amd64" in name)]
    with pytest.raises(FileNotFoundError, match=r"no kubeadm, kubectl, kubelet 1\.19\.0-00 for amd64"):
        package_files(tmp_path, "amd64", "1.19.0-00")


def test_lines_are_added_to_a_file_once() -> None:
    assert stages.with_lines("overlay\n", ["br_netfilter", "overlay"]) == "overlay\nbr_netfilter\n"


def test_the_manifest_is_replaced_from_outside_its_folder(cluster: Cluster) -> None:
    connection = Scripted("atlas01", {f"cat {membership.API_SERVER}": (0, API_SERVER, "")})
    host, change = change_on(connection)
    s3_14_node_ports.test_node_ports(host, change)
    command, stdin = connection.sent[0]
    assert "mktemp /etc/kubernetes/.dlws" in command  # kubelet would run a copy that lies among the manifests
    assert b"--service-node-port-range=30000-49999" in stdin


def test_outgoing_connections_begin_behind_the_node_ports() -> None:
    connection = Scripted("atlas01", {"ip_local_port_range": (0, "32768\t60999\n", "")})
    host, change = change_on(connection)
    s3_14_node_ports.test_node_ports_reserved(host, change)
    assert connection.sent[0][1] == b"net.ipv4.ip_local_port_range = 50000 60999\n"


@pytest.mark.parametrize("clients", ["1024\t65535", "32768\t49999"], ids=["on both sides", "nothing behind"])
def test_reserved_ports_stay_reserved(clients: str) -> None:
    ranges = {"ip_local_port_range": (0, f"{clients}\n", ""), "ip_local_reserved_ports": (0, "8080,9100-9102\n", "")}
    connection = Scripted("atlas01", ranges)
    host, change = change_on(connection)
    s3_14_node_ports.test_node_ports_reserved(host, change)
    assert connection.sent[0][1] == b"net.ipv4.ip_local_reserved_ports = 8080-8080,9100-9102,30000-49999\n"


def test_an_apt_source_and_a_folder_are_beside_the_configuration(tmp_path: Path) -> None:
    own = "    cni_manifest: weave.yaml\n    apt_source: deb http://mirror/apt k8s main\n    apt_key: k8s.asc\n"
    cluster = load(write(tmp_path, ("    cni_manifest: weave.yaml\n", own)), resolve=no_dns)
    assert cluster.kubernetes_source is not None
    assert (cluster.kubernetes_source.key, cluster.packages_folder) == (tmp_path / "k8s.asc", None)
    assert replace(cluster).cni_manifest == tmp_path / "weave.yaml"
