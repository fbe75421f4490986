"""Node labels, as upstream's deploy.py sets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.inventory import Node
from dlws.kubernetes import labels
from dlws.platform import services
from tests.kits.config_example import no_dns, write

KUBERNETES = "    cni_manifest: weave.yaml\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def test_the_master_carries_the_services(cluster: Cluster) -> None:
    found = labels.for_node(cluster, cluster.master)
    services = "infrastructure webportal restfulapi2 jobmanager mysql grafana prometheus alert-manager watchdog webui3"
    assert all(found[name] == "active" for name in services.split())
    assert found["archType"] == "arm64"
    assert not {"worker", "gpuType", "npu", "hdfs", "namenode2"} & found.keys()


def test_a_worker_says_what_it_computes_with(cluster: Cluster) -> None:
    gpu, npu = (labels.worker_labels(cluster, cluster.node(name)) for name in ("atlas-gpu01", "atlas02"))
    assert gpu == {
        "archType": "amd64",
        "worker": "active",
        "gpu": "active",
        "nvidia": "active",
        "gpuType": "nvidia_gpu_amd64",
    }
    assert npu["gpuType"] == "huawei_npu_arm64"
    assert npu["huawei"] == npu["npu"] == "active"


def test_a_series_is_a_label_and_part_of_the_type(tmp_path: Path) -> None:
    path = write(tmp_path, ("  atlas-gpu01:\n", "  atlas-gpu01:\n    series: v100\n"))
    cluster = load(path, resolve=no_dns)
    found = labels.for_node(cluster, cluster.node("atlas-gpu01"))
    assert (found["v100"], found["gpuType"]) == ("active", "nvidia_gpu_amd64_v100")


def test_a_master_that_takes_jobs_is_labelled_as_a_worker_too(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, (KUBERNETES, KUBERNETES + "    master_as_worker: true\n")), resolve=no_dns)
    found = labels.for_node(cluster, cluster.master)
    assert (found["worker"], found["gpuType"]) == ("active", "huawei_npu_arm64")
    assert "a910-device-plugin" not in found  # a label of real workers only


def test_every_host_carries_what_is_for_all(cluster: Cluster) -> None:
    for node in cluster.nodes:
        assert {"nginx", "all", "FragmentGPUJob", "job-exporter", "openresty"} <= labels.for_node(cluster, node).keys()


def test_labels_of_a_host_are_made_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Node] = []
    make = labels.worker_labels
    monkeypatch.setattr(labels, "worker_labels", lambda cluster, node: made.append(node) or make(cluster, node))
    for node in cluster.nodes:
        services.host_ports(cluster, node)
        assert node in labels.nodes_with(cluster, "nginx")
        assert labels.for_node(cluster, node)["nginx"] == "active"
    assert made == [*cluster.nodes]


def test_upstreams_table_is_complete() -> None:
    by_target: dict[str, int] = {}
    for target in labels.TARGETS.values():
        by_target[target] = by_target.get(target, 0) + 1
    assert by_target == {
        "etcd_node": 3,
        "etcd_node_1": 15,
        "etcd_node_2": 1,
        "worker_node": 4,
        "all": 24,
        "mysqlserver_node": 1,
        "nfs_node": 1,
        "elasticsearch_node": 1,
    }


def test_kubelabels_moves_and_adds_labels(tmp_path: Path) -> None:
    own = "kubelabels: {grafana: worker_node, ours: all, fast: os}\n"
    path = write(tmp_path, ("suite:\n", own + "suite:\n"), ("  atlas02:\n", "  atlas02:\n    os: ubuntu\n"))
    cluster = load(path, resolve=no_dns)
    master, worker = (labels.for_node(cluster, cluster.node(name)) for name in ("atlas01", "atlas02"))
    assert "grafana" not in master
    assert worker["grafana"] == worker["ours"] == worker["fast"] == "active"


def test_a_consumed_label_on_the_wrong_node_is_misplaced(cluster: Cluster) -> None:
    found = {"mysql": "active", "worker": "active", "ours": "1", "archType": "amd64"}
    assert labels.misplaced(cluster, cluster.node("atlas-gpu01"), found) == ["mysql"]
    assert labels.misplaced(cluster, cluster.master, found) == ["worker"]
