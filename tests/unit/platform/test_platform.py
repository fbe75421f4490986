"""What a cluster's platform is made of, rendered once; which machine answers for which images."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.schema import Images
from dlws.inventory import Arch
from dlws.platform import renderings, templates, web_files
from dlws.platform.renderings import Platform
from dlws.platform.templates import Renderer
from tests.kits.checkout import WEBUI3, cluster_of, renderer_of, spoilt

OWN = ("dockerregistry: apulistech/", "dockerregistry: harbor.example.org:8443/dlws/")
PREBUILT = ("suite:\n", "suite:\n  images: prebuilt\n")


def test_a_good_checkout_has_no_trouble(tmp_path: Path) -> None:
    assert renderings.troubles(cluster_of(tmp_path)) == []


def test_each_broken_template_is_one_line(tmp_path: Path) -> None:
    (found,) = renderings.troubles(spoilt(tmp_path, WEBUI3, "{{cnf['nowhere']}}"))
    assert found.startswith(f"{WEBUI3}:1: nowhere is missing")


def test_it_is_rendered_once_until_the_configuration_changes(tmp_path: Path) -> None:
    first = renderings.of(cluster_of(tmp_path))
    assert renderings.of(cluster_of(tmp_path)) is first
    assert renderings.of(cluster_of(tmp_path, OWN)) is not first


def test_nginx_has_its_routes_rendered_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, rendered, looked_through = cluster_of(tmp_path), list[str](), list[object]()
    text, leaves = Renderer.text, templates.leaves
    monkeypatch.setattr(Renderer, "text", lambda self, name: rendered.append(name) or text(self, name))
    monkeypatch.setattr(templates, "leaves", lambda value: looked_through.append(value) or leaves(value))
    platform = Platform(cluster, renderer_of(tmp_path))
    assert len({platform.routes for _ in cluster.nodes * 100}) == 1
    assert rendered == [web_files.NGINX_ROUTES]
    platform.renderer.rendered("a: b", "x.yaml")
    assert len([value for value in looked_through if value is platform.renderer.cnf]) == 1


def test_a_machine_of_each_architecture_answers_for_its_images(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    assert renderings.keeper(cluster, cluster.master.arch) == cluster.master
    assert renderings.keeper(cluster, Arch.AMD64).name == "atlas-gpu01"


def test_a_registry_is_used_for_pushing_or_if_it_is_the_sites(tmp_path: Path) -> None:
    assert cluster_of(tmp_path).suite.images is Images.BUILD
    found = [renderings.has_registry(cluster_of(tmp_path, *edits)) for edits in ((), (PREBUILT,), (PREBUILT, OWN))]
    assert found == [True, False, True]


def test_jobs_bring_their_first_image_to_the_hosts_that_take_them(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    images = renderings.of(cluster).images
    assert "apulistech/atlas_init-container:latest" in images(cluster.node("atlas-gpu01"))
    assert not any("init-container" in image for image in images(cluster.master))
