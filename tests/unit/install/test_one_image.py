"""One image is built anew without the cache, marked with the run, and pushed; an older one is never taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check_of
from dlws.engine.stage import stage_of
from dlws.facts import platform_images
from dlws.remote.host import Host
from dlws.verdict import NotApplicable
from install import one_image
from tests.kits.checkout import cluster_of
from tests.kits.platform import Fed, change_of, said

RUN = "20261129-040000"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return cluster_of(tmp_path)


def judge(cluster: Cluster, label: str, monkeypatch: pytest.MonkeyPatch, image: str = "webui3") -> None:
    monkeypatch.setattr(platform_images, "registry_troubles", lambda *_: [])
    host = Host(Fed("atlas02", {"image inspect": (0, f"{label}\n", "")}))
    one_image.PROOFS[image](cluster.master, cluster, host, RUN)


def test_an_image_is_built_without_the_cache_and_pushed(cluster: Cluster) -> None:
    _, change = change_of(connection := Fed(cluster.master.name))
    one_image.REBUILDS["webui3"](cluster.master, cluster, RUN, change)
    build, push = (command for command, _ in connection.sent)
    assert f"--no-cache --label {one_image.BUILT_BY}={RUN} -" in build
    assert connection.sent[0][1][257:262] == b"ustar"
    assert push.endswith("docker push apulistech/atlas_webui3:latest-arm64")
    assert "without cache" in said(change)[0]


@pytest.mark.parametrize("label", ["", "20261128-040000"])
def test_an_image_of_an_earlier_run_is_not_this_one(
    label: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Mismatch, match=RUN):
        judge(cluster, label, monkeypatch)
    judge(cluster, RUN, monkeypatch)


def test_an_image_of_the_master_is_not_built_for_others(cluster: Cluster) -> None:
    worker = next(node for node in cluster.nodes if node.arch is not cluster.master.arch)
    with pytest.raises(NotApplicable, match="webui3 is not built for amd64"):
        one_image.PROOFS["webui3"](worker, cluster, Host(Fed(worker.name)), RUN)


def test_a_failed_push_is_no_build(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(Fed("atlas02", {"image inspect": (0, f"{RUN}\n", "")}))
    monkeypatch.setattr(platform_images, "registry_troubles", lambda *_: ["webui3: not in the registry"])
    with pytest.raises(Mismatch, match="not in the registry"):
        one_image.PROOFS["webui3"](cluster.master, cluster, host, RUN)


def test_every_built_image_has_its_stage() -> None:
    found = {name: stage_of(function) for name, function in one_image.REBUILDS.items()}
    assert [s.subject for s in found.values() if s] == list(found)
    assert all(check_of(proof) for proof in one_image.PROOFS.values())
