"""How much a check judges where that is not all that its title names; its finding and its PASS say so.

Functions of the cluster and the check's target, for `@check(sample=...)`. "" where nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from dlws.config.cluster import Cluster
from dlws.facts.pairs import ALL_PAIRS_UP_TO, partners, partners_in
from dlws.inventory import Device, Target
from dlws.kubernetes import device_plugins


def other_hosts(cluster: Cluster, target: Target) -> str:
    """Of the ways from one host: `8 of 99 other hosts`."""
    tested, others = len(partners_in(cluster, target.name)), len(cluster.nodes) - 1
    return f"{tested} of {others} other hosts" if tested < others else ""


def pairs(cluster: Cluster, target: Target) -> str:
    """Of the ways between all hosts: `each host with up to 8 of 99 others, the master with all`."""
    others = [node.name for node in cluster.nodes if node != cluster.master]
    return _each([cluster.master.name, *others], "the master")


def npu_pairs(cluster: Cluster, target: Target) -> str:
    """Of the ways between the hosts with NPUs: `each host with up to 8 of 99 others, the first with all`."""
    return _each([node.name for node in cluster.nodes if node.device is Device.NPU], "the first")


def next_hosts(cluster: Cluster, target: Target) -> str:
    """Of the ways between all hosts, those from each to the next: `each host with 1 of 3 others`."""
    others = len(cluster.nodes) - 1
    return f"each host with 1 of {others} others" if others > 1 else ""


def first_two_alike(cluster: Cluster, target: Target) -> str:
    """Of the hosts with one kind of accelerator: `atlas01 and atlas02, of 50 hosts with huawei_npu_arm64`."""
    node = cluster.node(target.name)
    alike = device_plugins.alike(cluster, node)
    names = " and ".join(one.name for one in alike[:2])
    return f"{names}, of {len(alike)} hosts with {device_plugins.kind(cluster, node)}" if len(alike) > 2 else ""


def first_kind(cluster: Cluster, target: Target) -> str:
    """Of the kinds of accelerators that jobs can request: `huawei_npu_arm64, of 2 kinds of accelerators`."""
    kinds = [device_plugins.kind(cluster, node) for node in device_plugins.hosts(cluster)]
    return f"{kinds[0]}, of {len({*kinds})} kinds of accelerators" if len({*kinds}) > 1 else ""


def _each(names: Sequence[str], centre: str) -> str:
    if len(names) <= ALL_PAIRS_UP_TO:
        return ""
    most = max(len(partners(names, name)) for name in names[1:])
    return f"each host with up to {most} of {len(names) - 1} others, {centre} with all"
