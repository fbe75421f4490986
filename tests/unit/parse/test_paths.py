"""Listeners, routes, neighbours, bonds, proxies and weave. iproute2 4.15 (Ubuntu 18.04) to 6.1 (Debian 12)."""

from __future__ import annotations

import pytest

from dlws.kubernetes import no_proxy
from dlws.parse.network import bonding, ip_route, sockets, weave
from dlws.verdict import Unparsable

OLD = 'tcp    LISTEN   0        128      0.0.0.0:22    0.0.0.0:*      users:(("sshd",pid=812,fd=3))\n'  # 4.15
NEW = 'tcp   LISTEN 0      4096     *:10250        *:*    users:(("kubelet",pid=2201,fd=31))    \n'  # 6.1
KERNEL = "tcp LISTEN 0 64 0.0.0.0:2049 0.0.0.0:*                                  \n"
STUB = 'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=9,fd=12))\n'


def test_listeners_of_both_versions():
    ssh, kubelet, nfs, stub = sockets.parse(OLD + NEW + KERNEL + STUB)
    assert (ssh.port, ssh.names, ssh.is_open) == (22, ("sshd",), True)
    assert (kubelet.port, kubelet.owners, kubelet.is_open) == (10250, (("kubelet", 2201),), True)
    assert (nfs.names, str(nfs)) == ((), "2049/tcp (no process)")
    assert (stub.address, stub.is_open) == ("127.0.0.53", False)


def test_several_owners_of_a_socket():
    line = 'udp UNCONN 0 0 0.0.0.0:111 0.0.0.0:* users:(("rpcbind",pid=412,fd=5),("systemd",pid=1,fd=33))\n'
    assert sockets.parse(line)[0].names == ("rpcbind", "systemd")


@pytest.mark.parametrize("line", ["tcp LISTEN 0", 'tcp LISTEN 0 1 *:22 *:* users:(("ss', "Cannot open netlink socket"])
def test_half_a_listener_is_unknown(line):
    with pytest.raises(Unparsable):
        sockets.parse(line)


def test_routes_of_every_kind():
    text = (
        "default via 192.168.3.1 dev eth0 proto dhcp src 192.168.3.6 metric 100 \n"
        "10.2.1.0/24 via 192.168.3.2 dev eth0 \n"
        "blackhole 10.2.0.0/26 proto bird \n"
        "10.9.0.0/16 proto static \n"
        "\tnexthop via 192.168.3.2 dev eth0 weight 1 \n"
        "172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown \n"
    )
    found = ip_route.routes(text)
    assert [str(r) for r in found[1:]] == [
        "10.2.1.0/24 via 192.168.3.2 dev eth0",
        "10.2.0.0/26 dev none",
        "10.9.0.0/16 via 192.168.3.2 dev eth0",
        "172.17.0.0/16 dev docker0",
    ]
    assert found[0].is_default


def test_only_neighbours_that_answered():
    text = (
        "192.168.3.2 dev eth0 lladdr 02:42:c0:a8:03:20 REACHABLE\n"
        "192.168.3.1 dev eth0 lladdr 02:42:c0:a8:03:01 ref 1 used 0/0/0 probes 1 STALE\n"
    )
    with pytest.raises(Unparsable):  # `-s` asks for counters, which we do not
        ip_route.neighbours(text)
    assert ip_route.neighbours(text.partition("\n")[0] + "\n192.168.3.9 dev eth0  FAILED\n") == {
        "192.168.3.2": "02:42:c0:a8:03:20"
    }


def test_a_neighbour_over_infiniband_has_an_address_of_20_bytes():
    address = "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:1a:f2"
    assert ip_route.neighbours(f"10.10.0.2 dev ib0 lladdr {address} STALE\n") == {"10.10.0.2": address}
    with pytest.raises(Unparsable):
        ip_route.neighbours(f"10.10.0.2 dev ib0 lladdr {address[:32]}\n")


def test_a_bond_with_a_dead_card():
    text = (
        "== /proc/net/bonding/bond0\nMII Status: up\n\nSlave Interface: eth0\nMII Status: up\nSlave Interface: eth1\n"
    )
    assert bonding.down(text + "MII Status: down\n") == ("bond0: eth1 down",)
    assert bonding.down("") == ()


@pytest.mark.parametrize(
    ("exempt", "left"),
    [
        ("192.168.3.6,10.3.0.0/16,.svc", []),
        ("192.168.0.0/16,10.0.0.0/8,svc", []),
        ("*", []),
        ("192.168.3.60,10.3.0.0/24,.local", ["192.168.3.6", "10.3.0.0/16", ".svc"]),
        ("", ["192.168.3.6", "10.3.0.0/16", ".svc"]),
    ],
)
def test_what_no_proxy_leaves_out(exempt, left):
    [settings] = no_proxy.parse(f"== docker\nHTTPS_PROXY\nno_proxy={exempt}\n")
    assert settings.leaves_out(["192.168.3.6", "10.3.0.0/16", ".svc"]) == left


def test_without_a_proxy_nothing_is_left_out():
    [settings] = no_proxy.parse("== docker\n")
    assert settings.leaves_out(["192.168.3.6"]) == []


def test_weaves_connections():
    slow, own = (
        "-> 192.168.3.2:6783      established sleeve 1a:2b:3c:4d:5e:6f(atlas02) mtu=1438\n",
        "-> 192.168.3.6:6783      failed      cannot connect to ourself, retry: never\n",
    )
    [found] = weave.connections(slow + own)
    assert (found.address, found.is_good) == ("192.168.3.2", False)


def test_owners_that_weave_cannot_reach():
    text = (
        "1a:2b:3c:4d:5e:6f(atlas02)                   524288 IPs (50.0% of total) (12 active)\n"
        "1a:2b:3c:4d:5e:71(atlas09)                   524288 IPs (50.0% of total) - unreachable!\n"
    )
    assert weave.unreachable_owners(text) == ("atlas09",)


LACP = """\
== /proc/net/bonding/bond0
Ethernet Channel Bonding Driver: v3.7.1 (April 27, 2011)

Bonding Mode: IEEE 802.3ad Dynamic link aggregation
MII Status: up

802.3ad info
Active Aggregator Info:
\tAggregator ID: 2
\tPartner Mac Address: 02:00:00:00:00:6e

Slave Interface: eth0
MII Status: up
Aggregator ID: 2
Actor Churn State: none
Partner Churn State: none

Slave Interface: eth1
MII Status: up
Aggregator ID: 2
Actor Churn State: none
Partner Churn State: none
"""


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ("MII Status: up", "MII Status: up", ()),
        ("eth1\nMII Status: up\nAggregator ID: 2", "eth1\nMII Status: up\nAggregator ID: 1", "eth1 in aggregator 1"),
        ("Partner Churn State: none", "Partner Churn State: churned", "eth0 churned"),
        ("02:00:00:00:00:6e", "00:00:00:00:00:00", "no LACP partner"),
        ("Active Aggregator Info:\n\tAggregator ID: 2", "bond bond0 has no active aggregator", "no LACP partner"),
        (LACP[LACP.index("Slave") :], "", "no member"),
        ("MII Status: up\n\n802", "MII Status: going back\n\n802", "the bond going back"),
    ],
)
def test_a_bond_that_carries_nothing_is_named(old, new, trouble):
    found = bonding.down(LACP.replace(old, new, 1))
    assert found == () if not trouble else found[0].startswith(f"bond0: {trouble}")


def test_a_bond_without_lacp_has_no_partner():
    text = LACP.replace("IEEE 802.3ad Dynamic link aggregation", "fault-tolerance (active-backup)")
    assert bonding.down(text.replace("02:00:00:00:00:6e", "00:00:00:00:00:00")) == ()


@pytest.mark.parametrize(
    ("mode", "good"),
    [
        ("fastdp b2:ef(atlas02) mtu=1376", True),
        ("encrypted   fastdp b2:ef(atlas02) mtu=1376", True),
        ("unencrypted fastdp b2:ef(atlas02) mtu=1376", True),
        ("sleeve b2:ef(atlas02) mtu=1438", False),
        ("encrypted   sleeve b2:ef(atlas02) encrypted=truemtu=1314", False),
        ("unencrypted sleeve b2:ef(atlas02) mtu=1438", False),
    ],
)
def test_sleeve_is_slow_with_a_password_too(mode, good):
    [found] = weave.connections(f"<- 192.168.3.2:40536     established {mode}\n")
    assert found.is_good is good


@pytest.mark.parametrize(
    "row",
    [
        'tcp LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:* users:(("a",pid=1,fd=14)) ino:123 sk:1 cgroup:/a.slice/b <->\n',
        "mptcp LISTEN 0 4096 127.0.0.53:53 0.0.0.0:*\n",
    ],
)
def test_sockets_with_a_cgroup_or_of_mptcp(row):
    assert [(s.kind, s.address, s.port) for s in sockets.parse(row)] == [("tcp", "127.0.0.53", 53)]


def test_a_proxys_exceptions_are_judged_once_for_many_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(no_proxy, "_covers", lambda entry, destination: asked.append(destination) or False)
    hosts = [f"10.7.{n // 250}.{n % 250}" for n in range(1000)]
    for _ in range(100):
        settings = no_proxy.Settings("docker", ("http_proxy",), (*hosts[1:], ".local"))
        assert settings.leaves_out([*hosts, ".local"]) == hosts[:1]
    assert asked == hosts[:1] * 1000
