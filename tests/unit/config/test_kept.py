"""What is computed once for a cluster lives as long as the cluster does."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

from dlws.config.cluster import Cluster, load
from dlws.config.kept import kept
from tests.kits.config_example import no_dns, write


def test_a_value_is_computed_once_for_each_cluster(tmp_path: Path) -> None:
    computed: list[str] = []

    @kept
    def name(cluster: Cluster) -> str:
        computed.append(cluster.name)
        return cluster.name

    cluster = load(write(tmp_path), resolve=no_dns)
    other = replace(cluster, name="other")
    assert [name(cluster), name(other), name(cluster), name(other)] == [cluster.name, "other"] * 2
    assert computed == [cluster.name, "other"]


def test_a_value_goes_with_its_cluster(tmp_path: Path) -> None:
    lengths = kept(lambda cluster: [len(cluster.nodes)])
    cluster = load(write(tmp_path), resolve=no_dns)
    assert lengths(cluster) is lengths(cluster)
    old, address = lengths(cluster), id(cluster)
    del cluster
    gc.collect()
    again = [load(write(tmp_path), resolve=no_dns) for _ in range(20)]
    assert all(lengths(one) is not old for one in again), address
