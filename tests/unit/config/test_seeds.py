"""Which host is given its large files by which seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.config.seeds import hosts_of, seed_of
from tests.kits.config_example import no_dns, write


def cluster_of(folder: Path, seeds: str) -> Cluster:
    return load(write(folder, ("suite:\n", f"suite:\n  content: content\n  seeds: {seeds}\n")), resolve=no_dns)


@pytest.mark.parametrize(
    ("seeds", "given"),
    [
        ("{}", {"atlas01": None, "atlas02": None, "atlas-gpu01": None, "atlas-gpu02": None}),
        ("{atlas02: ['*']}", dict.fromkeys(("atlas01", "atlas02", "atlas-gpu01", "atlas-gpu02"), "atlas02")),
        (
            "{atlas-gpu02: [atlas-gpu*], atlas02: [atlas0?]}",
            {"atlas01": "atlas02", "atlas02": "atlas02", "atlas-gpu01": "atlas-gpu02", "atlas-gpu02": "atlas-gpu02"},
        ),
        (
            "{atlas02: [atlas-gpu01]}",
            {"atlas01": None, "atlas02": "atlas02", "atlas-gpu01": "atlas02", "atlas-gpu02": None},
        ),
    ],
)
def test_names_and_patterns_say_who_gives_what(tmp_path: Path, seeds: str, given: dict[str, str | None]) -> None:
    cluster = cluster_of(tmp_path, seeds)
    assert {node.name: seed_of(cluster, node.name) for node in cluster.nodes} == given


def test_a_seed_is_none_of_its_own_hosts(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, "{atlas02: ['*']}")
    assert {node.name for node in hosts_of(cluster, "atlas02")} == {"atlas01", "atlas-gpu01", "atlas-gpu02"}


def test_a_seed_without_anything_to_give_is_told(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("suite:\n", "suite:\n  seeds: {atlas02: ['*']}\n")), resolve=no_dns)
    [finding] = [one for one in cluster.findings if one.key == "suite.seeds"]
    assert "nothing is sent from the control host, so seeds have nothing to give" in finding.message
