"""A configuration that is there already, against what its hosts say now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlws.config.cluster import Cluster
from dlws.init.draft import machine
from dlws.init.survey import Surveyed
from dlws.inventory import Device, Node

NO_ACCELERATORS = (Device.CPU, Device.STORAGE)


def differences(cluster: Cluster, hosts: Sequence[Surveyed]) -> Iterator[str]:
    """A line for each difference: `machines.atlas01.archtype: amd64 in the file, arm64 on the host`.

    A name is compared only with a table's: stage 2.2 gives a host the name that the file has.
    """
    by_address = {node.address: node for node in cluster.nodes}
    for host in hosts:
        node = by_address.get(host.address)
        if node is None:
            entry = ", ".join(f"{key}: {value}" for key, value in machine(host, "").items())
            yield f"{host.name or host.address} is not in the file; as a line of machines: {host.name}: {{{entry}}}"
        else:
            yield from _of(node, host)
    surveyed = {host.address for host in hosts}
    for node in cluster.nodes:
        if node.address not in surveyed:
            yield f"{_key(node)} ({node.address}) is in the file, and not among the hosts that were named"


def _of(node: Node, host: Surveyed) -> Iterator[str]:
    if host.listed.name and host.listed.name != node.name:
        yield f"{_key(node)}: this name in the file, {host.listed.name} in {host.listed.where}"
    if host.arch is not node.arch:
        yield f"{_key(node)}.archtype: {node.arch} in the file, {host.arch} on the host"
    if host.device is not node.device and not {host.device, node.device} <= {*NO_ACCELERATORS}:
        yield f"{_key(node)}.type: {node.device} in the file, {host.device} on the host"
    elif node.device_count not in (host.device_count, host.card_count):
        yield f"suite.devices.{node.name}: {node.device_count} in the file, {host.device_count} on the host"


def _key(node: Node) -> str:
    return f"{node.origin}.{node.name}"
