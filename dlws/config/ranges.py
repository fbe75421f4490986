"""Constraints between the ranges of pods and services, Docker's bridge and the hosts: each yields its findings.

Sources: what kubeadm 1.18 to 1.20 refuses (cmd/kubeadm/app/apis/kubeadm/validation/validation.go), and the controller
manager, which gives each node a /24 of the pod range (pkg/controller/nodeipam/ipam/cidrset).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from dlws.config.document import Document
from dlws.config.finding import Finding, Level
from dlws.config.rules import machines
from dlws.config.schema import Configuration

DOCKER_BRIDGE: Final = "172.17.0.0/16"
"""Docker's own default for docker0."""
RANGES: Final = {"service_cluster_ip_range": "service range", "pod_ip_range": "pod range"}
LENGTHS: Final = {"service_cluster_ip_range": range(12, 29), "pod_ip_range": range(8, 25)}
"""The lengths of prefixes that kubeadm takes: ten to a million services, and 1 to 65,536 nodes' pods."""
NODE_PREFIX: Final = 24
"""The length of the prefix of a node's range (kube-controller-manager's --node-cidr-mask-size)."""


def check(document: Document, addresses: Mapping[str, str]) -> Iterator[Finding]:
    """All findings; `addresses` are the hosts' by name."""
    yield from apart(document)
    yield from sizes(document)
    yield from hosts_outside(document, addresses)


def suite_ranges(document: Document) -> list[tuple[str, ipaddress.IPv4Network]]:
    """The pod and the service range by key; defaults come first, so that a finding is about the one that is written."""
    ranges = []
    for key in sorted(RANGES, key=lambda key: key in document.data):
        range_ = network(document.data.get(key, Configuration.model_fields[key].default))
        ranges += [(key, range_)] if range_ else []
    return ranges


def apart(document: Document) -> Iterator[Finding]:
    """Pod range, service range and Docker's bridge do not overlap."""
    others = [("range of Docker's bridge", ipaddress.IPv4Network(DOCKER_BRIDGE))]
    for key, range_ in suite_ranges(document):
        for what, other in others:
            if range_.overlaps(other):
                message = f"the {RANGES[key]} {range_} overlaps the {what} {other}"
                yield document.at_value((key,), message, "move one of them")
        others.append((RANGES[key], range_))


def hosts_outside(document: Document, addresses: Mapping[str, str]) -> Iterator[Finding]:
    """No host's address is in a range of pods, services or Docker's bridge, because pods could not reach it."""
    ranges = [("range of Docker's bridge", ipaddress.IPv4Network(DOCKER_BRIDGE))]
    ranges += [(RANGES[key], range_) for key, range_ in suite_ranges(document)]
    for machine in machines(document):
        address = network(f"{addresses.get(machine.name)}/32")
        for what, range_ in ranges:
            if address is not None and address.overlaps(range_):
                message = f"{address.network_address} is in the {what} {range_}"
                yield document.at_value((*machine.path, "private-ip"), message, "move the range or the host")


def sizes(document: Document) -> Iterator[Finding]:
    """Kubernetes takes each range, and that of pods has a part for each machine."""
    for key, range_ in suite_ranges(document):
        taken = LENGTHS[key]
        if range_.prefixlen not in taken:
            message = f"kubeadm refuses {range_} as {RANGES[key]}"
            yield document.at_value((key,), message, f"choose one from /{taken[0]} to /{taken[-1]}")
        elif key == "pod_ip_range" and (parts := 1 << NODE_PREFIX - range_.prefixlen) < len(machines(document)):
            message = f"{range_} has room for the pods of {parts} of {len(machines(document))} machines"
            yield document.at_value((key,), message, "choose a larger one", Level.WARNING)


def network(text: object) -> ipaddress.IPv4Network | None:
    """The IPv4 range in a text, host bits dropped; None if it is not a range: `10.3.0.1/16` is 10.3.0.0/16."""
    try:
        return ipaddress.IPv4Network(text, strict=False) if isinstance(text, str) and "/" in text else None
    except ValueError:
        return None
