"""From the documented example to a Cluster."""

from __future__ import annotations

import pickle
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, ConfigError, ConfigUnreadable, NameResolution, load
from dlws.inventory import Arch, Device, Origin, Role, Vendor
from dlws.upstream.service_token import service_token
from tests.kits.config_example import findings, no_dns, write


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def test_the_documented_example_has_no_finding(tmp_path: Path) -> None:
    assert findings(write(tmp_path)) == []


def test_nodes_are_in_the_order_of_the_file(cluster: Cluster) -> None:
    assert [node.name for node in cluster.nodes] == ["atlas01", "atlas02", "atlas-gpu01", "atlas-gpu02"]


def test_a_node_is_what_its_machine_says(cluster: Cluster) -> None:
    node = cluster.node("atlas-gpu01")
    assert (node.address, node.arch, node.device, node.vendor) == (
        "192.168.3.4",
        Arch.AMD64,
        Device.GPU,
        Vendor.NVIDIA,
    )
    assert (node.role, node.origin, node.device_count, node.ssh_port) == (Role.WORKER, Origin.MACHINES, 8, 22)


def test_the_infrastructure_machine_is_the_master(cluster: Cluster) -> None:
    assert cluster.master.name == "atlas01"
    assert [node.name for node in cluster.workers] == ["atlas02", "atlas-gpu01", "atlas-gpu02"]


def test_an_unknown_node_is_a_key_error(cluster: Cluster) -> None:
    with pytest.raises(KeyError, match="atlas09"):
        cluster.node("atlas09")


def test_machines_of_both_sections_are_the_cluster(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("  atlas-gpu01:", "scale_up:\n  atlas-gpu01:")), resolve=no_dns)
    assert [(node.name, node.origin.value) for node in cluster.nodes] == [
        ("atlas01", "machines"),
        ("atlas02", "machines"),
        ("atlas-gpu01", "scale_up"),
        ("atlas-gpu02", "scale_up"),
    ]


def test_the_hosts_file_names_every_host_and_the_cluster(cluster: Cluster) -> None:
    assert cluster.public_name == "atlas.sigsus.cn"
    assert cluster.names_by_address == {
        "192.168.3.2": ("atlas01.sigsus.cn", "atlas01", "atlas.sigsus.cn"),
        "192.168.3.6": ("atlas02.sigsus.cn", "atlas02"),
        "192.168.3.4": ("atlas-gpu01.sigsus.cn", "atlas-gpu01"),
        "192.168.3.3": ("atlas-gpu02.sigsus.cn", "atlas-gpu02"),
    }


def test_state_lies_beside_the_configuration(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.path == tmp_path / "config.yaml"
    assert cluster.state.folder == tmp_path / "state" / "atlas"


def test_a_single_host_may_have_other_devices(tmp_path: Path) -> None:
    path = write(tmp_path, ("suite:\n", "suite:\n  devices: {atlas02: 4}\n"))
    counts = {node.name: node.device_count for node in load(path, resolve=no_dns).nodes}
    assert counts == {"atlas01": 8, "atlas02": 4, "atlas-gpu01": 8, "atlas-gpu02": 8}


def test_a_cpu_machine_has_no_devices(tmp_path: Path) -> None:
    path = write(tmp_path, ("    type: gpu\n    vendor: nvidia\n  atlas-gpu02", "    type: cpu\n  atlas-gpu02"))
    assert load(path, resolve=no_dns).node("atlas-gpu01").device_count == 0


def test_an_empty_mountpoints_makes_the_default_share(cluster: Cluster) -> None:
    (mount,) = cluster.mounts
    assert (mount.server, mount.export, mount.mount_point) == ("atlas01", "/mnt/local", "/mntdlws")
    assert (mount.is_default, mount.folders) == (True, ("jobfiles", "storage", "work"))


def test_a_share_with_folders_is_not_the_default(tmp_path: Path) -> None:
    (mount,) = load(write(tmp_path, ('mountpoints: ""', "mountpoints: [data]")), resolve=no_dns).mounts
    assert (mount.is_default, mount.folders) == (False, ("data",))


def test_suite_settings_have_defaults(cluster: Cluster) -> None:
    suite = cluster.suite
    assert (suite.ssh_port, suite.public_address, suite.name_resolution) == (22, None, NameResolution.HOSTS_FILE)
    assert suite.packages.docker == ("docker.io",)
    assert (suite.required_gpu_driver, suite.required_npu_driver) == ("430", "1.72.T2.100.B020")


def test_suite_settings_can_be_set(tmp_path: Path) -> None:
    extra = "  ssh_port: 2222\n  public_address: 121.46.18.84\n"
    extra += "  image_archives: images\n  packages: {docker: [docker-ce]}\n"
    cluster = load(write(tmp_path, ("suite:\n", "suite:\n" + extra)), resolve=no_dns)
    assert cluster.suite.public_address == IPv4Address("121.46.18.84")
    assert cluster.suite.packages.docker == ("docker-ce",)
    assert cluster.suite.packages.gpu_runtime == ("nvidia-docker2",)
    assert cluster.image_archives == tmp_path / "images"
    assert {node.ssh_port for node in cluster.nodes} == {2222}


@pytest.mark.parametrize("place", ["dlworkspace: ../dlw\nsuite:\n", "suite:\n  dlworkspace: ../dlw\n"])
def test_the_checkout_is_named_beside_the_configuration(tmp_path: Path, place: str) -> None:
    cluster = load(write(tmp_path, ("suite:\n", place)), resolve=no_dns)
    assert cluster.dlworkspace == tmp_path / ".." / "dlw"


def test_the_document_has_what_upstream_defaults_wrongly(cluster: Cluster) -> None:
    document = cluster.document
    assert (document["webuiport"], document["k8sAPIport"], document["k8s-gitbranch"]) == (3081, 6443, "v1.18.0")
    assert document["dockers"] == {"hub": "apulistech/", "tag": "1.9"}


def test_keys_that_only_upstream_reads_are_passed_on(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("suite:\n", "grafana: {port: 3001}\nsuite:\n")), resolve=no_dns)
    assert cluster.document["grafana"] == {"port": 3001}


def test_secrets_are_known_but_not_shown(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("invented-sign-key", '"another secret", token_ttl: 60')), resolve=no_dns)
    token = service_token("another secret")
    assert cluster.secrets == (token, "invented-for-tests", "another secret")
    assert not any(secret in repr(cluster) for secret in cluster.secrets)


def test_a_cluster_travels_between_processes(cluster: Cluster) -> None:
    again = pickle.loads(pickle.dumps(cluster))
    assert again == cluster
    assert hash(again) == hash(cluster)
    assert again.document == cluster.document


def test_all_errors_come_in_one_go_in_file_order(tmp_path: Path) -> None:
    path = write(
        tmp_path, ("cluster_name: atlas", "cluster_name: Atlas"), ("type: nfs", "type: ceph"), ("v1.18.0", "1.18")
    )
    with pytest.raises(ConfigError) as caught:
        load(path, resolve=no_dns)
    assert [finding.key for finding in caught.value.findings if finding.fix] == [
        "cluster_name",
        "mountpoints.nfsshare1.type",
        "k8s-gitbranch",
    ]


def test_a_missing_file_is_one_line_that_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnreadable) as caught:
        load(tmp_path / "config.yaml")
    how = "`dlws init` writes a first one, or name another file"
    assert str(caught.value) == f"{tmp_path}/config.yaml: error: does not exist ({how})"


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnreadable, match="is a folder"):
        load(tmp_path)
