"""H, U, R, N: what must be the same on all hosts, or on all hosts of a kind, or on no two of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from checks import accounts as admin_checks
from checks import docker
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.engine.targets import npu_cluster, whole_cluster
from dlws.facts.accounts import NO_SUCH_USER, identity_of
from dlws.facts.across_hosts import hosts_by_kind, names_by_value, reachable_hosts
from dlws.facts.docker import docker_of
from dlws.facts.network import macs_of, mtu_of
from dlws.inventory import Device
from dlws.parse.host import authorized_keys, kernels, lscpu, meminfo
from dlws.parse.network import ip_route
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host
from dlws.verdict import Severity
from fixtures.host_keys import KnownKeys

READ_KERNELS = "set -e; uname -r; find /boot -maxdepth 1 -name 'vmlinu[xz]-*' -printf '%f\\n'"
MEMORY = 0.01
HOST_KEYS = "cat /etc/ssh/ssh_host_*_key.pub"
ASCEND_USER = "HwHiAiUser"


@check(
    "H03",
    section="2.1",
    source="Ascend, NVIDIA docs",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="正在运行已安装的最新内核，且同类主机内核一致",
    fix="reboot hosts that run an older kernel than the newest installed; install the same kernel on"
    " all hosts of the same kind",
)
def test_kernels_are_current_and_equal(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Every host runs its newest installed kernel, and hosts of the same kind run the same kernel."""
    found = {name: kernels.parse(host.read(READ_KERNELS)) for name, host in reachable_hosts(hosts).items()}
    behind = [
        f"{name}: running {k.running}, installed {k.newest}" for name, k in found.items() if k.running != k.newest
    ]
    expect("hosts not running their newest installed kernel", found=behind, expected=[])
    expect("differing kernels", found=mixed(cluster, {n: k.running for n, k in found.items()}), expected=[])


@check(
    "H08",
    section="2.1",
    source="NHC hw_cpuinfo",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="同类主机的 CPU、内存与 NUMA 一致",
    fix="reseat the missing memory module or processor; check the firmware settings",
)
def test_hosts_of_a_kind_are_built_alike(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Hosts of the same kind have identical processors, and memory sizes within 1% of each other."""
    found = {name: str(lscpu.parse(host.read("LC_ALL=C lscpu"))) for name, host in reachable_hosts(hosts).items()}
    expect("differing processors", found=mixed(cluster, found), expected=[])
    sizes = {name: meminfo.parse(host.read("cat /proc/meminfo")).total for name, host in hosts.items()}
    most = {kind: max(sizes[n.name] for n in alike) for kind, alike in hosts_by_kind(cluster, sizes).items()}
    little = [
        f"{name}: {size >> 20} of {most[cluster.node(name).kind] >> 20} MiB"
        for name, size in sizes.items()
        if size < most[cluster.node(name).kind] * (1 - MEMORY)
    ]
    expect("hosts with less memory than others of their kind", found=little, expected=[])


@check(
    "H23",
    section="2.1",
    source="product checklist",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="各主机时区一致",
    fix="timedatectl set-timezone <zone> on the named hosts",
)
def test_time_zones_are_equal(hosts: dict[str, Host]) -> None:
    """All hosts use the same time zone, so that their logs can be compared."""
    zones = {name: only_line("date", host.read("date '+%Z %z'")) for name, host in reachable_hosts(hosts).items()}
    if wrong := [zone for zone in zones.values() if re.fullmatch(r"\S+ [+-][0-9]{4}", zone) is None]:
        raise unparsable("date", wrong[0])
    expect_that(len({*zones.values()}) == 1, "time zones", found=in_words(zones), expected="one")


@preflight
@check(
    "U02",
    section="3.6",
    source="cloned images",
    on=whole_cluster,
    title_zh="各主机 SSH 主机密钥唯一",
    severity=Severity.WARNING,
    fix="on the clones: rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server; then delete their lines from"
    " known_hosts in the state folder",
)
def test_host_keys_are_unique(cluster: Cluster, hosts: dict[str, Host], host_keys: KnownKeys) -> None:
    """No two hosts share an SSH host key, neither in their files nor at the login.

    Two that show one key at the login are one machine, or have one in between.
    """
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for name, host in reachable_hosts(hosts).items():
        keys = authorized_keys.parse(host.read(HOST_KEYS))
        if not keys:
            raise unparsable(f"{name}: host keys", why="none")
        for shown in [*(key.blob for key in keys), *host_keys.pinned(cluster.node(name))]:
            owners[shown].append(name)
    same = {" and ".join(names) for names in owners.values() if len(names) > 1}
    expect("hosts that share an SSH host key", found=same, expected=set())


@check(
    "U05",
    section="3.6",
    source="NFS",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="管理用户在各主机 uid/gid 一致",
    causes=[admin_checks.test_admin_account],
    fix="usermod -u and groupmod -g on the hosts that differ, then chown the user's files",
)
def test_admin_has_one_identity(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """The admin user has the same uid and gid on every host, so that it owns its files on shares."""
    found = {name: identity_of(host, cluster.admin_username) for name, host in reachable_hosts(hosts).items()}
    expect_that(
        len({*found.values()}) == 1 and NO_SUCH_USER not in found.values(),
        f"uid and gid of {cluster.admin_username}",
        found=in_words(found),
        expected="the same on every host",
    )


@check(
    "U10",
    section="2.1",
    source="Ascend error 0x0091",
    on=npu_cluster,
    title_zh="NPU 主机存在 HwHiAiUser 用户且一致",
    fix="groupadd and useradd -m HwHiAiUser with the same uid and gid everywhere; reinstall the driver",
)
def test_driver_user_is_there(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """The Ascend driver's user exists on every NPU host, with the same uid and gid."""
    there = [hosts[node.name] for node in cluster.nodes if node.device is Device.NPU and node.name in hosts]
    found = {
        host.name: identity_of(host, ASCEND_USER)
        for host in reachable_hosts({host.name: host for host in there}).values()
    }
    expect(f"hosts without {ASCEND_USER}", found=[n for n, who in found.items() if who == NO_SUCH_USER], expected=[])
    expect_that(
        len({*found.values()}) == 1,
        f"uid and gid of {ASCEND_USER}",
        found=in_words(found),
        expected="the same on every NPU host",
    )


@check(
    "R02",
    section="3.8",
    source="product checklist",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="各主机 Docker 版本一致",
    causes=[docker.test_docker_is_active],
    fix="install the same docker package on all hosts",
)
def test_docker_versions_are_equal(hosts: dict[str, Host]) -> None:
    """All hosts run the same Docker version."""
    found = {name: docker_of(host).server_version for name, host in reachable_hosts(hosts).items()}
    expect_that(len({*found.values()}) == 1, "Docker versions", found=in_words(found), expected="one")


@check(
    "N22",
    section="2.1",
    source="arping(8)",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="主机 IP 没有被其他设备占用",
    fix="find the device with that MAC address in the switch's table; give it another IP address",
)
def test_addresses_have_one_owner(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """No other device answers for a host's IP address.

    The hosts' ARP tables are compared with the MAC addresses of their own network interfaces.
    """
    own = {
        cluster.node(name).address: set[str]().union(*macs_of(host, cluster.node(name).address))
        for name, host in reachable_hosts(hosts).items()
    }
    strange = {
        f"{address}: {mac}, as seen from {name}"
        for name, host in hosts.items()
        for address, mac in ip_route.neighbours(host.read("ip -4 neigh show")).items()
        if address in own and mac not in own[address]
    }
    expect("host IP addresses that another device answers for", found=strange, expected=set())


@check(
    "N27",
    section="2.1",
    source="weave#3012",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="各主机网卡 MTU 一致",
    fix="set the same MTU on these interfaces and on the switch",
)
def test_mtus_are_equal(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """The network interfaces that carry the hosts' addresses have the same MTU."""
    found = {name: str(mtu_of(host, cluster.node(name))) for name, host in reachable_hosts(hosts).items()}
    expect_that(len({*found.values()}) == 1, "MTUs", found=in_words(found), expected="one")


def mixed(cluster: Cluster, values: Mapping[str, str]) -> list[str]:
    """The kinds of host with more than one value: `gpu-amd64: A on x but B on y`."""
    of_kinds = {kind: {n.name: values[n.name] for n in alike} for kind, alike in hosts_by_kind(cluster, values).items()}
    return [f"{kind}: {in_words(own)}" for kind, own in of_kinds.items() if len({*own.values()}) > 1]


def in_words(values: Mapping[str, str]) -> str:
    """`A on x and y but B on z`."""
    return " but ".join(f"{value} on {' and '.join(names)}" for value, names in names_by_value(values).items())
