"""The list of what an install needs is what the stages of that install ask for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bundle.content.command import as_json, as_table
from checks.host import hardware
from dlws.config.cluster import Cluster, load
from dlws.content import wanted
from dlws.content.item import Demand, Item, Kind
from dlws.content.wanted import IMAGES
from dlws.engine.stage import Stage
from dlws.facts import apt_sources, platform_images
from dlws.facts.platform_images import InRegistry
from dlws.inventory import Arch
from dlws.parse.storage import smart
from dlws.platform import renderings
from dlws.remote.host import Host
from dlws.verdict import Unknown
from tests.kits import bare_install
from tests.kits.checkout import STAND_IN, cluster_of
from tests.kits.config_example import no_dns, write
from tests.kits.proof_cases import HEALTHY
from tests.kits.scripted import Scripted

PREBUILT = ("suite:\n", "suite:\n  images: prebuilt\n")
REGISTRY = ("dockerregistry: apulistech/", "dockerregistry: registry.example/")


def cluster(folder: Path, *edits: tuple[str, str], checkout: Path = STAND_IN) -> Cluster:
    """The documentation's cluster with a checkout and a pod network."""
    shutil.copy(HEALTHY / "pod-network.yml", folder / "weave.yaml")
    return cluster_of(folder, *edits, checkout=checkout)


def bare(folder: Path, *edits: tuple[str, str]) -> Cluster:
    """The documentation's cluster without a checkout, which need not be rendered."""
    shutil.copy(HEALTHY / "pod-network.yml", folder / "weave.yaml")
    return load(write(folder, *edits), resolve=no_dns)


def listed(of: Cluster, need: str) -> set[tuple[Kind, str, str]]:
    fetched = (item for item in wanted.items(of) if item.need == need and item.kind in (Kind.PACKAGE, Kind.IMAGE))
    return {(item.kind, item.name, host) for item in fetched for host in item.hosts}


def test_every_stage_that_brings_something_is_on_the_list(tmp_path: Path) -> None:
    of = cluster(tmp_path)
    known = {*apt_sources.packages_by_stage(of, of.master), *IMAGES}
    assert {stage.name for stage in bare_install.bringing()} <= known


def test_no_stage_brings_something_behind_the_list() -> None:
    wrong = {
        s.name: found[0] for s in bare_install.stages() if (found := bare_install.RAW.search(bare_install.source(s)))
    }
    assert wrong == {}


@pytest.fixture(scope="module", params=[(), (PREBUILT,), (PREBUILT, REGISTRY)], ids=["built", "prebuilt", "registry"])
def of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Clusters whose images are built, prebuilt, and prebuilt in a registry of the site's own."""
    return cluster(tmp_path_factory.mktemp("cluster"), *request.param)


@pytest.mark.parametrize("stage", bare_install.bringing(), ids=lambda stage: stage.name)
def test_a_stage_asks_for_nothing_else(stage: Stage, of: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_images, "in_registry", lambda host, names: dict.fromkeys(names, InRegistry(False)))
    asked = bare_install.asked_for(stage, of)
    platform = renderings.of(of)
    pulled = {image for node in of.nodes for image in platform.pulled_images(node)}  # from the site's own registry
    built = {build.full_name for arch in of.archs for build in platform.builds(arch)} if platform.is_built else set()
    assert {one for one in asked if one[1] not in pulled | built} <= listed(of, stage.name)
    assert asked or stage.on(of) == () or stage.name in ("images_built", "images_in_registry")


def test_hosts_of_both_architectures_are_named_apart(tmp_path: Path) -> None:
    pauses = [item for item in wanted.items(bare(tmp_path)) if "pause" in item.name]
    assert [(i.arch, i.hosts) for i in pauses] == [
        ("amd64", ("atlas-gpu01", "atlas-gpu02")),
        ("arm64", ("atlas01", "atlas02")),
    ]


def test_packages_are_for_the_release_that_the_site_runs(tmp_path: Path) -> None:
    focal = ("suite:\n", "suite:\n  platforms: [{os: ubuntu, release: '20.04.6', type: gpu}]\n")
    found = {i.platform: i.hosts for i in wanted.items(bare(tmp_path, focal)) if i.name == "curl"}
    assert found == {"ubuntu 20.04": ("atlas-gpu01", "atlas-gpu02"), "ubuntu 18.04": ("atlas01", "atlas02")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM scratch\n", []),
        ("FROM --platform=linux/arm64 node:12 AS build\nFROM nginx:1\nCOPY --from=build / /\n", ["node:12", "nginx:1"]),
        ("from a:1 as one\nFROM one\n", ["a:1"]),
    ],
)
def test_a_dockerfile_names_what_it_is_built_on(text: str, found: list[str]) -> None:
    assert wanted.bases(text) == found


def test_what_a_build_clones_is_on_the_list(tmp_path: Path) -> None:
    checkout = shutil.copytree(STAND_IN, tmp_path / "checkout")
    dockerfile = checkout / "src/docker-images/webui3/Dockerfile"
    dockerfile.write_text("FROM node:12\nRUN git clone --depth 1 https://git.example/dashboard.git /src\n")
    found = {(i.kind, i.name, i.need) for i in wanted.items(cluster(tmp_path, checkout=checkout))}
    assert (Kind.SOURCE, "https://git.example/dashboard.git", "images_built") in found
    assert (Kind.IMAGE, "node:12", "images_built") in found


@pytest.mark.parametrize(
    ("promised", "need", "name"),
    [
        ("link: 25000", "Q01", "iperf3"),
        ("disk_write: 500", "Q02", "fio"),
        ("gpu_copy: 10", "Q02", "nvbandwidth"),
        ("npu_copy: 10", "P25", "ascend-dmi"),
        ("nccl_tests_image: nccl:1", "Q04", "nccl:1"),
        ("job_image: job:1", "W11", "job:1"),
        ("two_hosts: {huawei_npu_arm64: {image: 'hccl:1'}}", "W12", "hccl:1"),
    ],
)
def test_what_active_checks_need_is_on_the_list(promised: str, need: str, name: str, tmp_path: Path) -> None:
    edit = ("suite:\n", f"suite:\n  acceptance: {{{promised}}}\n")
    of = bare(tmp_path, edit)
    assert name in {item.name for item in wanted.items(of) if item.need == need}


def test_a_version_whose_images_only_kubeadm_knows_is_no_half_list(tmp_path: Path) -> None:
    of = bare(tmp_path, ("k8s-gitbranch: v1.18.0", "k8s-gitbranch: v1.19.0"))
    with pytest.raises(LookupError, match=r"the images of kubeadm v1\.19\.0 are not known in advance"):
        wanted.items(of)
    assert "a/pause:3" in {item.name for item in wanted.items(of, ("a/kube-proxy:v1.19.0", "a/pause:3"))}


def test_a_manifest_that_is_not_there_is_no_empty_list(tmp_path: Path) -> None:
    of = bare(tmp_path)
    (tmp_path / "weave.yaml").unlink()
    with pytest.raises(Unknown, match=r"names .*weave\.yaml: No such file"):
        wanted.items(of)


def test_the_list_is_for_people_and_for_programs(tmp_path: Path) -> None:
    found = wanted.items(bare(tmp_path))
    first, *lines = as_table(found).splitlines()
    assert first.split() == ["KIND", "NAME", "FOR", "NEEDED", "BY", "HOSTS"]
    assert "package  curl" in (line := next(line for line in lines if " curl " in line))
    assert line.endswith("ubuntu 18.04 amd64  node_packages        atlas-gpu01, atlas-gpu02")
    assert [one["name"] for one in json.loads(as_json(found))] == [item.name for item in found]


def test_a_text_is_made_for_no_architecture() -> None:
    told = [str(Item(kind, "x", Arch.ARM64, "", "stage", ())) for kind in (Kind.FILE, Kind.SOURCE, Kind.IMAGE)]
    assert told == ["file x", "source x", "image x for arm64"]


def test_the_tools_of_checks_are_optional(tmp_path: Path) -> None:
    found = [item for item in wanted.items(bare(tmp_path)) if item.need in ("H32", "S12")]
    assert {(item.need, item.name, item.demand) for item in found} == {
        ("H32", "ipmitool", Demand.OPTIONAL),
        ("S12", "smartmontools", Demand.OPTIONAL),
    }
    assert {host for item in found for host in item.hosts} == {node.name for node in bare(tmp_path).nodes}
    assert "H32, optional" in as_table(found)
    assert json.loads(as_json(found))[0]["demand"] == "optional"


def test_a_tool_that_the_install_brings_is_required(tmp_path: Path) -> None:
    named = bare(tmp_path, ("suite:\n", "suite:\n  packages: {node: [curl, ipmitool]}\n"))
    found = [(item.need, item.demand) for item in wanted.items(named) if item.name == "ipmitool"]
    assert set(found) == {("node_packages", Demand.REQUIRED)}


def test_the_checks_name_the_package_that_is_listed() -> None:
    without = {"sdr elist": (127, "", "not found"), hardware.HAS_BMC: (0, "", "")}
    with pytest.raises(Unknown, match=f"tool missing: {wanted.TOOLS_OF_CHECKS['H32']}: name it in suite.packages.node"):
        hardware.test_board_has_no_alarm(Host(Scripted("atlas01", without)))
    with pytest.raises(Unknown, match=f"name its package, {wanted.TOOLS_OF_CHECKS['S12']}, in"):
        smart.parse("== /dev/sda\nsh: smartctl: not found\n== rc 127")
