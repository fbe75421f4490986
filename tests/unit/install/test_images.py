"""How a host gets an image: from the archive that holds it, or by a pull; never from an archive of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.remote.change import Change, ChangeFailed, Planner
from dlws.remote.host import Host
from install import s3_09_gpu
from tests.kits.archives import saved
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on


def docker_of(arch: str) -> dict[str, tuple[int, str, str]]:
    return {"command -v docker": (0, "/usr/bin/docker\n", ""), "docker version": (0, f"{arch}\n", "")}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path, ("suite:\n", "suite:\n  image_archives: images\n")), resolve=no_dns)


def probe(cluster: Cluster, connection: Scripted) -> list[str]:
    """What the stage does for the GPU probe's image."""
    _, change = change_on(connection)
    s3_09_gpu.test_probe_image(cluster.node("atlas-gpu01"), cluster, change)
    return [action.text for action in change.actions]


def test_the_gpu_probe_comes_from_the_archive_of_its_architecture(cluster: Cluster, tmp_path: Path) -> None:
    archive = saved(tmp_path / "images/dlws-cuda-amd64.tar", "dlws/cuda", "amd64")
    connection = Scripted("atlas-gpu01", docker_of("amd64"))
    assert probe(cluster, connection) == ["docker load dlws-cuda-amd64.tar"]
    assert connection.sent == [("docker load -q", archive.read_bytes())]


def test_without_an_archive_it_is_pulled(cluster: Cluster) -> None:
    assert probe(cluster, Scripted("atlas-gpu01")) == ["docker pull -q dlws/cuda"]


@pytest.mark.parametrize(("image", "arch"), [("dlws/cuda:old", "amd64"), ("dlws/cuda", "arm64")])
def test_other_content_under_its_name_is_not_sent(cluster: Cluster, tmp_path: Path, image: str, arch: str) -> None:
    saved(tmp_path / "images/dlws-cuda.tar", image, arch)
    connection = Scripted("atlas-gpu01", docker_of("amd64"))
    with pytest.raises(ChangeFailed, match=r"atlas-gpu01: .*dlws-cuda\.tar is not loaded: "):
        probe(cluster, connection)
    assert connection.sent == []


def test_a_plan_for_a_host_without_docker_reads_the_archive_too(cluster: Cluster, tmp_path: Path) -> None:
    change = Change(Host(Scripted("atlas-gpu01")), Planner())
    archive = saved(tmp_path / "images/dlws-cuda.tar", "dlws/cuda", "arm64")
    s3_09_gpu.test_probe_image(cluster.node("atlas-gpu01"), cluster, change)
    assert [action.text for action in change.actions] == ["docker load dlws-cuda.tar"]
    archive.write_bytes(b"")
    with pytest.raises(ChangeFailed, match="cannot be read as a tar archive"):
        s3_09_gpu.test_probe_image(cluster.node("atlas-gpu01"), cluster, change)
