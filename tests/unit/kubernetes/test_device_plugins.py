"""The device plugins of a configuration: upstream's names and selectors, and which machines they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import Cluster, load
from dlws.facts.accelerators import offered_devices, pod_state
from dlws.kubernetes import device_plugins, labels
from dlws.verdict import Unparsable
from tests.kits.config_example import no_dns, write

SUITE = "suite:\n"
SERIES = ("  atlas-gpu02:\n", "  atlas-gpu02:\n    series: v100\n")
TAKES_JOBS = ("  kubernetes:\n", "  kubernetes:\n    master_as_worker: true\n")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path, TAKES_JOBS), resolve=no_dns)


def pod(plugin: device_plugins.Plugin) -> dict[str, Any]:
    spec: dict[str, Any] = plugin.manifest["spec"]["template"]["spec"]
    return spec


def test_the_plugins_are_named_as_upstream_names_them(cluster: Cluster) -> None:
    nvidia, a910 = device_plugins.plugins(cluster)
    assert (nvidia.name, nvidia.resource) == ("nvidia-device-plugin-daemonset", "nvidia.com/gpu")
    assert (a910.name, a910.resource) == ("a910-device-plugin", "npu.huawei.com/NPU")
    assert nvidia.manifest["spec"]["selector"] == {"matchLabels": {"name": "nvidia-device-plugin-ds"}}
    assert a910.manifest["spec"]["selector"] == {"matchLabels": {"app": "a910-device-plugin"}}


def test_the_plugins_have_upstreams_images_and_selectors(cluster: Cluster) -> None:
    found = [(p.image, pod(p)["nodeSelector"]["gpuType"]) for p in device_plugins.plugins(cluster)]
    assert found == [
        ("nvidia/k8s-device-plugin:1.11", "nvidia_gpu_amd64"),
        ("apulistech/a910-device-plugin:devel3", "huawei_npu_arm64"),
    ]


def test_the_plugins_reach_the_kubelet_and_the_devices(cluster: Cluster) -> None:
    nvidia, a910 = (
        {v["hostPath"]["path"] for v in pod(plugin)["volumes"]} for plugin in device_plugins.plugins(cluster)
    )
    assert nvidia == {"/var/lib/kubelet/device-plugins"}
    assert a910 == {"/dev", "/sys/class/devdrv-class", "/var/lib/kubelet/device-plugins", "/etc/hccn.conf"}


def test_every_volume_of_a_plugin_is_mounted(cluster: Cluster) -> None:
    for plugin in device_plugins.plugins(cluster):
        [container] = pod(plugin)["containers"]
        assert [m["name"] for m in container["volumeMounts"]] == [v["name"] for v in pod(plugin)["volumes"]]


def test_the_master_offers_devices_only_where_it_takes_jobs(cluster: Cluster, tmp_path: Path) -> None:
    without = load(write(tmp_path), resolve=no_dns)
    assert [n.name for n in device_plugins.hosts(without)] == ["atlas02", "atlas-gpu01", "atlas-gpu02"]
    assert device_plugins.hosts(cluster) == cluster.nodes


def test_a_cluster_of_one_kind_has_one_plugin(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("type: npu\n    vendor: huawei", "type: cpu")), resolve=no_dns)
    assert [plugin.name for plugin in device_plugins.plugins(cluster)] == ["nvidia-device-plugin-daemonset"]
    with pytest.raises(LookupError, match="atlas02 offers no devices"):
        device_plugins.for_node(cluster, cluster.node("atlas02"))


def test_another_registry_gives_the_ascend_image(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("dockerregistry: apulistech/", "dockerregistry: hub.sigsus.cn/a/")), resolve=no_dns)
    assert (
        device_plugins.for_node(cluster, cluster.node("atlas02")).image == "hub.sigsus.cn/a/a910-device-plugin:devel3"
    )


def test_images_can_be_named(tmp_path: Path) -> None:
    named = (SUITE, "suite:\n  device_plugins: {nvidia: 'x/gpu:2', a910: 'x/npu:2'}\n")
    cluster = load(write(tmp_path, named), resolve=no_dns)
    assert [plugin.image for plugin in device_plugins.plugins(cluster)] == ["x/gpu:2", "x/npu:2"]


def test_machines_of_two_series_are_all_selected(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, SERIES), resolve=no_dns)
    plugin = device_plugins.for_node(cluster, cluster.node("atlas-gpu02"))
    assert plugin.gpu_types == ("nvidia_gpu_amd64", "nvidia_gpu_amd64_v100")
    assert "nodeSelector" not in pod(plugin)


@pytest.mark.parametrize("edits", [[], [TAKES_JOBS], [TAKES_JOBS, SERIES]])
def test_a_manifest_selects_exactly_its_machines(tmp_path: Path, edits: list[tuple[str, str]]) -> None:
    cluster = load(write(tmp_path, *edits), resolve=no_dns)
    for plugin in device_plugins.plugins(cluster):
        meant = [n for n in cluster.nodes if device_plugins.selects(pod(plugin), labels.for_node(cluster, n))]
        assert tuple(meant) == plugin.nodes


def test_a_selector_that_is_not_understood_is_unknown() -> None:
    term = {"matchExpressions": [{"key": "gpuType", "operator": "Exists"}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    with pytest.raises(Unparsable, match="not understood: Exists"):
        device_plugins.selects({"affinity": affinity}, {"gpuType": "x"})


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": "Running", "containerStatuses": [{"ready": True}]}, "ready"),
        ({"phase": "Running", "containerStatuses": [{"ready": False}]}, "Running, not ready"),
        ({"phase": "Pending"}, "Pending, not ready"),
        ({"containerStatuses": [{"ready": False, "state": {"waiting": {"reason": "ErrImagePull"}}}]}, "ErrImagePull"),
        ({}, "unknown, not ready"),
    ],
)
def test_a_pod_says_what_is_the_matter_with_it(status: dict[str, Any], said: str) -> None:
    assert pod_state({"status": status}) == said


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ({"capacity": {"x/y": "8"}, "allocatable": {"x/y": "7"}}, (8, 7)),
        ({"capacity": {"cpu": "2"}}, (0, 0)),
        ({}, (0, 0)),
    ],
)
def test_a_node_offers_what_its_status_says(status: dict[str, Any], counts: tuple[int, int]) -> None:
    assert offered_devices({"status": status}, "x/y") == counts


def test_a_count_that_is_none_is_unknown() -> None:
    with pytest.raises(Unparsable):
        offered_devices({"status": {"capacity": {"x/y": "8k"}}}, "x/y")
