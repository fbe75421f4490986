"""The seeds of a run: one for all threads, given to the hosts that the configuration says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import load
from dlws.engine.proving import _sender
from dlws.engine.site import LOST, Site
from dlws.engine.targets import CONTROL
from dlws.remote import spool
from dlws.remote.seed import Seed
from tests.kits.config_example import no_dns, write
from tests.kits.documents import STAGES
from tests.kits.platform import site_of

SEEDS = ("suite:\n", "suite:\n  content: content\n  seeds: {atlas02: [atlas01, 'atlas-gpu*']}\n")


def site_with(folder: Path, *changes: tuple[str, str]) -> Site:
    return site_of(load(write(folder, *changes), resolve=no_dns), None, folder)


def seed_of(site: Site, name: str) -> Seed:
    supply = site.supply(site.cluster.node(name))
    assert isinstance(supply, Seed)
    return supply


def test_all_hosts_of_a_seed_have_one(tmp_path: Path) -> None:
    site = site_with(tmp_path, SEEDS)
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda node: seed_of(site, node.name), site.cluster.nodes))
    assert len({id(seed) for seed in given}) == 1
    assert (given[0].name, given[0].address, given[0].port) == ("atlas02", site.cluster.node("atlas02").address, 7390)
    assert set(given[0].clients) == {"atlas01", "atlas-gpu01", "atlas-gpu02"}


def test_without_a_seed_files_come_over_the_hosts_own_link(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    assert {site.supply(target) for target in (*site.cluster.nodes, CONTROL)} == {spool.OWN_LINK}


def test_a_plan_knows_the_seed(tmp_path: Path) -> None:
    site = site_with(tmp_path, SEEDS)
    site.context = replace(site.context, plan=True)
    assert isinstance(_sender(site, site.cluster.node("atlas01")).supply, Seed)


@pytest.mark.parametrize(
    ("limit", "found_lost", "waits"),
    [(None, False, True), (None, True, False), ("atlas01", False, False), ("atlas01, atlas0*", False, True)],
)
def test_a_seed_is_waited_for_while_it_may_come_back(tmp_path: Path, limit: Any, found_lost: bool, waits: bool) -> None:
    site = site_with(tmp_path, SEEDS)
    site.context = replace(site.context, limit=limit)
    if found_lost:
        site.first_to_lose("atlas02", "U01[atlas02]")
        assert (site.context.folder / LOST / "atlas02").exists()
    assert seed_of(site, "atlas01").is_lost() is not waits


def test_a_seed_is_emptied_after_all_that_comes_from_it() -> None:
    loads = {
        "content_packages",
        "kube_packages",
        "probe_image",
        "kube_images",
        "device_plugin_image",
        "platform_images",
    }
    assert {f"{name}[*]?" for name in loads} <= set(STAGES["seeds_emptied"].after)
