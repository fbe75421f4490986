"""Q: what was promised of the hardware, measured. Active: each loads what it measures, so the hosts must be idle.

The floors are the contract's, `suite.acceptance`: without one there is nothing to hold a measurement against.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from checks import docker
from checks.gpu import presence
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect, expect_that
from dlws.engine.targets import gpu_hosts, whole_cluster
from dlws.facts import samples
from dlws.facts.across_hosts import hosts_by_kind, reachable_hosts
from dlws.facts.docker import docker_of
from dlws.facts.probes.speed import COPIES, copy_speeds, core_speed, require_idle_gpus
from dlws.inventory import Device, Node
from dlws.parse.accelerators import nccl_tests
from dlws.parse.network import iperf3
from dlws.parse.storage import fio
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

LINK_SHARE = 0.8
"""Of a link's nominal speed, what TCP must carry."""
SERVE = (
    "command -v iperf3 && setsid -f timeout 60 iperf3 -s -1 -p 5201 </dev/null >/dev/null 2>&1 || exit;"
    " n=0; until ss -Hlnt 'sport = :5201' | grep -q .; do n=$((n+1)); [ $n -lt 50 ] || exit 9; sleep 0.1; done"
)
"""A server for one client, which ends by itself; the command ends when it listens."""
SEND = "timeout -k 1 40 iperf3 -c %s -p 5201 -t 5 -P 4 -J"
WRITE = (
    "timeout -k 5 120 fio --name=dlws-probe --filename=%s --rw=write --bs=1M --size=1G --direct=1 --end_fsync=1"
    " --ioengine=psync --output-format=json; rc=$?; rm -f %s; exit $rc"
)
REDUCE = "timeout -k 5 280 docker run --rm --network none --shm-size 1g %s all_reduce_perf -b 256M -e 1G -f 2 -g %s"


@active
@check(
    "Q01",
    section="2.1",
    source="acceptance practice",
    on=whole_cluster,
    severity=Severity.INFO,
    title_zh="主机间链路带宽达到标称值的 80%（每台至下一台）",
    sample=samples.next_hosts,
    fix="check both hosts with ethtool (speed, errors); try another cable or port; run iperf3 by hand",
)
def test_links_carry_their_speed(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """TCP from each host to the next reaches 80% of the link's nominal speed."""
    nominal = cluster.suite.acceptance.link
    if nominal is None:
        raise NotApplicable("suite.acceptance.link does not give the speed of the hosts' links")
    if len(cluster.nodes) < 2:
        raise NotApplicable("a single host has no link to another")
    there = list(reachable_hosts(hosts).values())
    if len(there) < 2:
        raise Unknown("no second host can be reached")
    slow = []
    for sender, receiver in zip(there, [*there[1:], there[0]], strict=True):
        receiver.run_active([0], SERVE, deadline=15.0)
        answer = sender.run_active([0, 1], SEND, cluster.node(receiver.name).address, deadline=60.0)
        speed = iperf3.received(answer.text)
        slow += [f"{sender.name} to {receiver.name} {speed:.0f} Mb/s"] if speed < LINK_SHARE * nominal else []
    expect(f"links below {LINK_SHARE:.0%} of {nominal} Mb/s", found=slow, expected=[])


@active
@check(
    "Q02",
    section="2.1",
    source="azurehpc",
    severity=Severity.INFO,
    title_zh="磁盘写入与 GPU 传输带宽达到约定值",
    causes=[presence.test_gpus_answer, docker.test_docker_is_active],
    fix="disk: check smartctl and the controller's cache; GPU: check its PCIe link (G13), NUMA and other load",
)
def test_bandwidths(node: Node, cluster: Cluster, host: Host) -> None:
    """Writes to Docker's disk and copies to and from each GPU reach the agreed bandwidth."""
    floors = cluster.suite.acceptance
    copies = floors.gpu_copy if node.device is Device.GPU else None
    if floors.disk_write is None and copies is None:
        raise NotApplicable(f"suite.acceptance has neither disk_write nor gpu_copy for {node.name}")
    slow = []
    if floors.disk_write is not None:
        file = f"{docker_of(host).root_dir}/.dlws-probe.fio"
        speed = fio.written(host.run_active([0], WRITE, file, file, deadline=150.0).text)
        slow += [f"disk {speed:.0f} of {floors.disk_write:g} MB/s"] if speed < floors.disk_write else []
    if copies is not None:
        for test, speeds in copy_speeds(host).items():
            slow += [f"GPU {n} {test} {has:g} of {copies:g} GB/s" for n, has in speeds.items() if has < copies]
    expect("disks and GPUs slower than agreed", found=slow, expected=[])


@active
@check(
    "Q03",
    section="2.1",
    source="acceptance practice",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="同类主机性能一致，无落后主机",
    causes=[presence.test_gpus_answer],
    fix="compare BIOS power profile, cpufreq governor, load, PCIe link, temperature with a good host",
)
def test_no_host_lags(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """No host's core speed or GPU copy bandwidth is further below the median of its kind than agreed."""
    spread = cluster.suite.acceptance.spread
    if spread is None:
        raise NotApplicable("suite.acceptance.spread does not say how far hosts of the same kind may differ")
    if max(map(len, hosts_by_kind(cluster, [node.name for node in cluster.nodes]).values())) < 2:
        raise NotApplicable("no two hosts are of the same kind")
    found = {"one core, MB/s": {name: core_speed(host) for name, host in reachable_hosts(hosts).items()}}
    gpus = {name: copy_speeds(host) for name, host in hosts.items() if cluster.node(name).device is Device.GPU}
    for test in COPIES if gpus else ():
        found[f"{test}, GB/s"] = {name: min(copies[test].values()) for name, copies in gpus.items()}
    slow = [f"{line} ({what})" for what, speeds in found.items() for line in lagging(cluster, speeds, spread)]
    expect(f"hosts more than {spread:g}% below the median of their kind", found=slow, expected=[])


@active
@check(
    "Q04",
    section="2.1",
    source="nccl-tests",
    on=gpu_hosts,
    severity=Severity.INFO,
    title_zh="GPU 全归约总线带宽达到约定值",
    causes=[presence.test_gpus_answer, docker.test_default_runtime_is_nvidia],
    fix="check NVLink (G14), topology (G15) and Fabric Manager (G20); NCCL_DEBUG=INFO shows the transports used",
)
def test_gpus_reduce_quickly(node: Node, cluster: Cluster, host: Host) -> None:
    """An all-reduce over all GPUs of the host is correct and reaches the agreed average bus bandwidth."""
    floor, image = cluster.suite.acceptance.all_reduce, cluster.suite.acceptance.nccl_tests_image
    if floor is None or image is None:
        raise NotApplicable("suite.acceptance does not set both all_reduce and nccl_tests_image")
    if node.device_count < 2:
        raise NotApplicable(f"{node.name} has only one GPU: an all-reduce needs two")
    require_idle_gpus(host)
    found = nccl_tests.all_reduce(host.run_active([0, 1], REDUCE, image, node.device_count, deadline=300.0).text)
    expect("wrong values in the all-reduce", found=found.wrong, expected=0)
    expect_that(
        found.bus >= floor,
        "average all-reduce bus bandwidth",
        found=f"{found.bus:g} GB/s",
        expected=f"at least {floor:g} GB/s",
    )


def lagging(cluster: Cluster, speeds: Mapping[str, float], spread: float) -> list[str]:
    """The hosts that are more than `spread` percent slower than the median of their kind."""
    kinds = hosts_by_kind(cluster, speeds)
    middle = {kind: median(speeds[node.name] for node in alike) for kind, alike in kinds.items()}
    return [
        f"{name} {speed:g} of {middle[kind]:g}"
        for name, speed in speeds.items()
        if speed < middle[kind := cluster.node(name).kind] * (1 - spread / 100)
    ]
