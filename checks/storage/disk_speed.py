"""S: how quick disks and shares are. Active: each writes a file and takes it away again."""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect, expect_that
from dlws.engine.targets import master, sharing_cluster
from dlws.facts.across_hosts import reachable_hosts
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Severity

ETCD_DATA = "/var/lib/etcd"
SLOWEST_SYNC = 10.0  # ms
SYNC = """
import os, sys, time
times, start = [], time.monotonic()
path = "%s/.dlws-probe.%d" % (sys.argv[1], os.getpid())
file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
try:
    while len(times) < 1000 and time.monotonic() < start + 30:
        os.write(file, b"x" * 2300)
        before = time.perf_counter()
        os.fdatasync(file)
        times.append(time.perf_counter() - before)
finally:
    os.unlink(path)
print("%.3f ms, %d syncs" % (sorted(times)[len(times) * 99 // 100] * 1000, len(times)))
""".strip()
"""etcd's own pattern, 2300 bytes and fdatasync, as its documentation has fio do it; fio is on no host."""
WRITE = (
    'timeout -k 1 60 sh -c \'f=$(mktemp "$1/.dlws-probe.XXXXXXXXXX") || exit;'
    ' LC_ALL=C dd if=/dev/zero of="$f" bs=1M count=64 conv=fsync oflag=nofollow 2>&1;'
    ' rc=$?; rm -f "$f"; exit $rc\' - %s'
)
SLOWEST_SHARE = 10e6  # bytes/s; judgement: a twelfth of what a link of 1 Gb/s carries


@active
@check(
    "S14",
    section="3.11",
    source="etcd hardware",
    on=master,
    severity=Severity.WARNING,
    title_zh="etcd 磁盘同步延迟 p99 低于 10 毫秒",
    fix="give /var/lib/etcd a dedicated SSD",
)
def test_etcd_disk_is_quick(host: Host) -> None:
    """The 99th percentile of the sync latency of etcd's disk is under 10 ms."""
    said = host.run_active([0], "python3 -c %s %s", SYNC, ETCD_DATA, deadline=60.0).text.strip()
    found = re.fullmatch(r"([0-9.]+) ms, [0-9]+ syncs", said)
    if found is None:
        raise unparsable("fdatasync", said)
    expect_that(float(found[1]) < SLOWEST_SYNC, "99th percentile of fdatasync", found=said, expected="under 10 ms")


@active
@check(
    "S15",
    section="3.12",
    source="acceptance practice",
    on=sharing_cluster,
    severity=Severity.INFO,
    title_zh="共享存储写入速度达标",
    fix="compare with the server's own disk (dd there) and the network (iperf3 between the hosts)",
)
def test_shares_are_quick(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """A host writes 64 MiB to every share, synced to the server's disk, at 10 MB/s or more."""
    *_, host = reachable_hosts(hosts).values()  # the server is seldom the last of the inventory
    slow = []
    for mount in cluster.mounts:
        said = host.run_active([0], WRITE, mount.mount_point, deadline=70.0).text.strip().rpartition("\n")[2]
        row = re.fullmatch(r"([0-9]+) bytes .*copied, ([0-9.e-]+) s, .*", said)
        if row is None:
            raise unparsable("dd", said)
        written, seconds = int(row[1]), float(row[2])
        if written < SLOWEST_SHARE * seconds:
            slow.append(f"{mount.mount_point} {written / seconds / 1e6:.0f} MB/s")
    expect("slow shares", found=slow, expected=[])
