"""The sample of pairs: few for each host, and nobody left out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.catalogue import declared
from checks.network import pod_traffic
from dlws.config.cluster import Cluster, load
from dlws.engine.arguments import parameters
from dlws.engine.targets import WHOLE
from dlws.facts import samples
from dlws.facts.pairs import ALL_PAIRS_UP_TO, partners, partners_in
from dlws.kubernetes import device_plugins
from tests.kits.config_example import no_dns, write


def fleet(count: int) -> list[str]:
    return [f"n{n}" for n in range(count)]


@pytest.fixture
def cluster_of(tmp_path: Path) -> Callable[[int], Cluster]:
    """The example's cluster with its master, and workers up to a number of machines."""
    known = load(write(tmp_path), resolve=no_dns)

    def cluster(count: int) -> Cluster:
        workers = (replace(known.workers[0], name=f"w{n:03}", address=f"10.1.0.{n}") for n in range(count - 1))
        return replace(known, nodes=(*workers, known.master))

    return cluster


@pytest.mark.parametrize("count", [1, 4, ALL_PAIRS_UP_TO])
def test_up_to_a_size_every_pair_is_tested(count: int) -> None:
    names = fleet(count)
    assert all(partners(names, one) == tuple(name for name in names if name != one) for one in names)


@pytest.mark.parametrize(("count", "most"), [(33, 7), (100, 8), (1000, 11)])
def test_questions_do_not_grow_with_the_pairs(count: int, most: int) -> None:
    names = fleet(count)
    assert max(len(partners(names, one)) for one in names[1:]) <= most
    assert len(partners(names, names[0])) == count - 1


@pytest.mark.parametrize("count", [33, 100, 1000])
def test_every_host_is_reached_from_several(count: int) -> None:
    names = fleet(count)
    reached = dict.fromkeys(names, 0)
    for one in names:
        for other in partners(names, one):
            reached[other] += 1
    assert min(reached.values()) >= 5


def test_hosts_that_are_cut_off_are_seen_from_their_border() -> None:
    names, rack = fleet(100), {f"n{n}" for n in range(40, 60)}
    across = [(one, other) for one in names for other in partners(names, one) if (one in rack) != (other in rack)]
    assert {one for one, _ in across if one in rack} == rack


def test_partners_are_in_the_order_of_the_configuration(cluster_of: Callable[[int], Cluster]) -> None:
    cluster = cluster_of(100)
    names = [node.name for node in cluster.nodes]
    found = [node.name for node in partners_in(cluster, "w000")]
    assert found == sorted(found, key=names.index) == [*(f"w{1 << n:03}" for n in range(7)), cluster.master.name]
    assert partners_in(cluster, "control") == cluster.nodes


PAIRWISE = {
    "N06": "8 of 99 other hosts",
    "N11": "8 of 99 other hosts",
    "N12": "8 of 99 other hosts",
    "N31": "each host with up to 8 of 99 others, the master with all",
    "P21": "each host with up to 8 of 99 others, the first with all",
}
"""What each check of pairs says of w000, of 100 hosts with NPUs."""


def test_checks_of_pairs_say_how_many_they_judge(cluster_of: Callable[[int], Cluster]) -> None:
    large, small = cluster_of(100), cluster_of(ALL_PAIRS_UP_TO)
    worker = large.node("w000")
    assert {id: declared()[id].sample(large, worker) for id in PAIRWISE} == PAIRWISE
    assert {declared()[id].sample(small, worker) for id in PAIRWISE} == {""}
    assert samples.other_hosts(large, large.master) == ""


def test_no_check_of_a_sample_forgets_to_say_so() -> None:
    chosen = [
        check
        for check in declared().values()
        if "peers" in parameters(check.function) or "partners" in inspect.getsource(check.function)
    ]
    assert {check.id for check in chosen} == PAIRWISE.keys()
    assert [c.id for c in chosen if "sample" not in c.title or "抽样" not in c.title_zh] == []


def test_links_are_measured_to_the_next_host_alone(cluster_of: Callable[[int], Cluster]) -> None:
    told = {count: declared()["Q01"].sample(cluster_of(count), WHOLE) for count in (2, 4)}
    assert told == {2: "", 4: "each host with 1 of 3 others"}


def test_an_all_reduce_names_the_two_hosts_of_many(cluster_of: Callable[[int], Cluster]) -> None:
    cluster = cluster_of(50)
    first = device_plugins.hosts(cluster)[0]
    kind = device_plugins.kind(cluster, first)
    assert declared()["W12"].sample(cluster, first) == f"w000 and w001, of 49 hosts with {kind}"


def test_a_job_on_one_kind_of_accelerator_names_the_kind(tmp_path: Path) -> None:
    cluster = load(write(tmp_path), resolve=no_dns)
    kinds = dict.fromkeys(device_plugins.kind(cluster, node) for node in device_plugins.hosts(cluster))
    assert len(kinds) > 1
    assert samples.first_kind(cluster, cluster.master) == f"{next(iter(kinds))}, of {len(kinds)} kinds of accelerators"


def test_pods_are_pinged_by_a_sample_of_the_hosts(
    cluster_of: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_of(100)
    asked: list[int] = []
    hosts: Any = {node.name: node for node in cluster.nodes}
    monkeypatch.setattr(pod_traffic, "_addresses_on", lambda kube, node: [f"pod of {node}"])
    monkeypatch.setattr(pod_traffic, "silent_addresses", lambda host, addresses: asked.append(len(addresses)) or [])
    pod_traffic.test_pods_answer(cluster, hosts, hosts)
    assert (len(asked), sorted(asked)[-2:]) == (100, [9, 100])
