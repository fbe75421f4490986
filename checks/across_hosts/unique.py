"""What must be unique, or the same, on all hosts: seen only by comparing them (so is H17)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, preflight
from dlws.engine.targets import whole_cluster
from dlws.facts.across_hosts import names_by_value, reachable_hosts
from dlws.facts.files import text_of
from dlws.facts.kube_host import kubelet_settings
from dlws.facts.network import macs_of
from dlws.remote.host import Host
from dlws.verdict import Severity, Unknown

SKEW, NOTABLE_SKEW = 5.0, 0.5  # seconds; etcd warns from 1 s on
NO_UUID = re.compile(r"[0-]+|[f-]+")
PRODUCT_UUID = "/sys/class/dmi/id/product_uuid"


@preflight
@check(
    "H18",
    section="2.1",
    source="kubeadm#31, weave#2427",
    on=whole_cluster,
    title_zh="product_uuid 在集群内唯一",
    fix="set a unique system UUID in the BMC or firmware; Kubernetes identifies hosts by it",
)
def test_product_uuids_are_unique(hosts: dict[str, Host]) -> None:
    """No two hosts have the same firmware UUID (product_uuid).

    Machines without one are identified by their machine-id (H17).
    """
    uuids = {name: (text_of(host, PRODUCT_UUID) or "").strip().lower() for name, host in reachable_hosts(hosts).items()}
    empty = [name for name, uuid in uuids.items() if NO_UUID.fullmatch(uuid)]
    expect("hosts whose product_uuid is all 0 or F", found=empty, expected=[])
    expect("hosts with the same product_uuid", found=shared(uuids), expected=[])


@preflight
@check(
    "H19",
    section="2.1",
    source="kubeadm docs",
    on=whole_cluster,
    title_zh="网卡 MAC 地址在集群内唯一",
    fix="give the cloned machine's network interface its own MAC address",
)
def test_mac_addresses_are_unique(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """No two hosts share the MAC address of a physical network interface or of the one with the host's IP.

    A BMC's USB network interface has the same locally administered address on every server: such addresses count only
    where the interface carries the host's own IP address.
    """
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for name, host in reachable_hosts(hosts).items():
        macs = macs_of(host, cluster.node(name).address)
        for mac in macs.carrier | {mac for mac in macs.physical if not is_locally_administered(mac)}:
            owners[mac].append(name)
    expect(
        "MAC addresses on several hosts",
        found=[f"{mac} on {' and '.join(names)}" for mac, names in owners.items() if len(names) > 1],
        expected=[],
    )


@preflight
@check(
    "H22",
    section="2.1",
    source="etcd, TLS",
    on=whole_cluster,
    title_zh="各主机时钟偏差不超过 5 秒",
    fix="start chrony or systemd-timesyncd on the named hosts, with one time server for all",
)
def test_clocks_agree(hosts: dict[str, Host]) -> None:
    """No two hosts' clocks are more than 5 s apart.

    Unknown where the readings are too imprecise to tell.
    """
    judge_clocks(hosts, SKEW)


@check(
    "H35",
    section="2.1",
    source="etcd",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="各主机时钟偏差不超过 0.5 秒",
    fix="start chrony or systemd-timesyncd on the named hosts",
)
def test_clocks_agree_closely(hosts: dict[str, Host]) -> None:
    """No two hosts' clocks are more than 0.5 s apart (etcd warns from 1 s)."""
    judge_clocks(hosts, NOTABLE_SKEW)


@check(
    "K11",
    section="3.11",
    source="kubeadm kubelet-config",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="各节点 kubelet 配置一致",
    fix="kubeadm upgrade node on the named hosts, then restart kubelet",
)
def test_kubelets_are_configured_alike(hosts: dict[str, Host]) -> None:
    """All kubelets have the same configuration, as kubeadm distributes it."""
    there = reachable_hosts(hosts).items()
    configs = {name: kubelet_settings(host) for name, host in there}
    keys = sorted({key for config in configs.values() for key in config})
    differing = [
        f"{key}: " + " but ".join(f"{value} on {' and '.join(names)}" for value, names in groups.items())
        for key in keys
        if len(groups := names_by_value({name: str(config.get(key)) for name, config in configs.items()})) > 1
    ]
    expect("kubelet settings that differ", found=differing, expected=[])


def is_locally_administered(mac: str) -> bool:
    """Whether a MAC address is locally administered (IEEE 802: the second bit of the first byte)."""
    return bool(int(mac[:2], 16) & 2)


def judge_clocks(hosts: Mapping[str, Host], limit: float) -> None:
    """Every pair of clocks is within `limit` seconds, the error of the readings counted in. Unknown if that decides."""
    read = {name: host.clock() for name, host in reachable_hosts(hosts).items()}
    far = [in_words(*pair, read) for pair in clocks_apart(read, limit, at_least)]
    expect(f"clocks more than {limit:g} s apart", found=far, expected=[])
    if unsure := [in_words(*pair, read) for pair in clocks_apart(read, limit, at_most)]:
        raise Unknown(f"clocks possibly more than {limit:g} s apart: {', '.join(unsure)}")


Clock = tuple[float, float]
"""Seconds ahead of the control host's, and the error of that."""


def at_least(ahead: Clock) -> Clock:
    """The least that a clock may be ahead, and the most: what is between two clocks for certain counts."""
    return ahead[0] - ahead[1], ahead[0] + ahead[1]


def at_most(ahead: Clock) -> Clock:
    """The same the other way round: what may be between two clocks counts."""
    return ahead[0] + ahead[1], ahead[0] - ahead[1]


def clocks_apart(
    read: Mapping[str, Clock], limit: float, ends: Callable[[Clock], tuple[float, float]]
) -> list[tuple[str, str]]:
    """The pairs of hosts whose clocks are more than `limit` s apart, in the order of `read`, the lower name first.

    Compares each host with the slowest clocks alone, in order, so that clocks that agree cost no look at each pair.
    """
    fast, slow = ({name: ends(clock)[end] for name, clock in read.items()} for end in (0, 1))
    slowest = sorted(slow, key=slow.__getitem__)
    found: set[tuple[str, str]] = set()
    for name, ahead in fast.items():
        for other in slowest:
            if ahead - slow[other] <= limit:
                break
            if other != name:
                found.add((min(name, other), max(name, other)))
    place = {name: n for n, name in enumerate(read)}
    return sorted(found, key=lambda pair: (place[pair[0]], place[pair[1]]))


def in_words(one: str, other: str, read: Mapping[str, Clock]) -> str:
    """`atlas01 and atlas02: 7.000 s ± 0.010`."""
    skew, bound = abs(read[one][0] - read[other][0]), read[one][1] + read[other][1]
    return f"{one} and {other}: {skew:.3f} s ± {bound:.3f}"


def shared(values: Mapping[str, str]) -> list[str]:
    """Names that have a value in common; an empty one is no value."""
    return [" and ".join(names) for value, names in names_by_value(values).items() if value and len(names) > 1]
