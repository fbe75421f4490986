"""The network's parsers at their edges: each alternative of a format once, and its nearest neighbour that is none."""

from __future__ import annotations

import pytest

from dlws.parse.network import bonding, firewall, ip_addr, ip_route, iperf3, lldp, ping, sockets, weave
from dlws.verdict import Unparsable

BOND = "== /proc/net/bonding/bond0\nEthernet Channel Bonding Driver: v3.7.1\n"
LFT = "\\       valid_lft forever preferred_lft forever"
MAC = "02:42:c0:a8:03:01"


def test_a_bond_may_be_down_itself() -> None:
    assert bonding.down("== bond1\nMII Status: going down\n") == ("bond1: the bond going down", "bond1: no member")
    assert bonding.down(f"{BOND}MII Status: down\nSlave Interface: eth0\nMII Status: up\n") == ("bond0: the bond down",)


@pytest.mark.parametrize("text", [BOND, BOND.partition("\n")[2], "MII Status: up\n", f"MII Status: up\n{BOND}"])
def test_a_bond_without_a_state_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        bonding.down(text)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Status: active", "active"),
        ("Status: inactive", "inactive"),
        ("状态：激活", "active"),
        ("状态: 不活动", "inactive"),
    ],
)
def test_ufw_in_two_languages(said: str, state: str) -> None:
    assert firewall.ufw_status(f"Welcome\n{said}\n").value == state


@pytest.mark.parametrize("said", ["sh: 1: ufw: not found", "bash: ufw: command not found", "bash: ufw：未找到命令"])
def test_a_host_without_ufw(said: str) -> None:
    assert firewall.ufw_status(said) is firewall.Ufw.MISSING


@pytest.mark.parametrize(
    "said",
    [
        "My Status: active",
        "Status: inactive soon",
        "gufw: not found",
        "ufw: not found in 3 places",
        "ufw：未找到命令吗",
    ],
)
def test_other_words_of_a_firewall_are_unknown(said: str) -> None:
    with pytest.raises(Unparsable):
        firewall.ufw_status(said)


@pytest.mark.parametrize(
    ("version", "is_nf_tables"),
    [("v1.6.1", False), ("v1.8.4 (legacy)", False), ("v1.8.7 (nf_tables)", True)],
)
def test_the_back_end_of_iptables(version: str, *, is_nf_tables: bool) -> None:
    assert firewall.is_nf_tables(f"iptables {version}\n") is is_nf_tables


@pytest.mark.parametrize(
    "said", ["", "iptables v", "iptables v1.8.7 (nf_", "iptables v1.9.0 (bpf)", "no iptables v1.8.7"]
)
def test_a_version_of_iptables_of_another_form_is_unknown(said: str) -> None:
    with pytest.raises(Unparsable, match="iptables --version"):
        firewall.is_nf_tables(said)


def test_rules_of_the_other_back_end_are_told() -> None:
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy to see them\n"
    after, before = (
        firewall.iptables_chain(text) for text in (f"-P INPUT QUEUE\n{warning}", f"{warning}-P INPUT DROP\n")
    )
    assert (after.policy, after.rules, after.elsewhere, before.elsewhere) == ("QUEUE", (), True, True)
    assert not firewall.iptables_chain("-P INPUT DROP\n").elsewhere


@pytest.mark.parametrize("rule", ["INPUT -j DROP", "-A OUTPUT -j DROP", "-A INPUT", "-N INPUT -j DROP"])
def test_a_rule_of_another_chain_is_unknown(rule: str) -> None:
    with pytest.raises(Unparsable):
        firewall.iptables_chain(f"-P INPUT ACCEPT\n{rule}\n")


@pytest.mark.parametrize("policy", ["-P INPUT DROP [0:0]", "-P INPUT", "-P INPUT LOG"])
def test_a_policy_of_another_form_is_unknown(policy: str) -> None:
    with pytest.raises(Unparsable):
        firewall.iptables_chain(f"{policy}\n")


@pytest.mark.parametrize(
    ("row", "address", "network", "scope"),
    [
        (f"1: lo    inet 127.0.0.1/8 scope host lo{LFT}", "127.0.0.1", "127.0.0.0/8", "host"),
        (f"2: eth0    inet 10.1.2.3/24 brd 10.1.2.255 scope global eth0{LFT}", "10.1.2.3", "10.1.2.0/24", "global"),
        (f"5: tun0    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0{LFT}", "10.8.0.1", "10.8.0.1/32", "global"),
        (f"6: veth@if9    inet 10.9.0.1 scope link veth{LFT}", "10.9.0.1", "10.9.0.1/32", "link"),
        (f"1: lo    inet 127.0.0.1/8 scope host\\ {LFT}", "127.0.0.1", "127.0.0.0/8", "host"),
    ],
)
def test_an_address_and_its_network(row: str, address: str, network: str, scope: str) -> None:
    [found] = ip_addr.parse(f": tun0 inet banner\n{row}\n")
    assert (found.address, str(found.network), found.scope) == (address, network, scope)
    assert found.interface in ("lo", "eth0", "tun0", "veth")


@pytest.mark.parametrize(
    "row",
    [
        f"1: lo inet 127.0.0.1/8 host lo{LFT}",
        "1: lo inet 127.0.0.1/8 scope host lo\\ valid",
        f"1: lo inet 127.0.0.1/33 scope host lo{LFT}",
        f"1: lo inet 127.0.0.1/8 scope host lo{LFT}\n: tun0 inet 10.0.0.1/8 scope host lo{LFT}",
    ],
)
def test_half_an_address_is_unknown(row: str) -> None:
    with pytest.raises(Unparsable):
        ip_addr.parse(f"{row}\n")


@pytest.mark.parametrize(
    "kind", ["unicast", "blackhole", "unreachable", "prohibit", "throw", "local", "broadcast", "anycast"]
)
def test_a_route_of_each_kind(kind: str) -> None:
    [route] = ip_route.routes(f"{kind} 10.9.0.0/16 via 10.0.0.1 dev eth0\n")
    assert (str(route.network), route.via, route.device, route.is_default) == ("10.9.0.0/16", "10.0.0.1", "eth0", False)


@pytest.mark.parametrize("text", ["\tnexthop dev eth0\n", " nexthop dev eth0\n", "blackhole\n", "Cannot open socket\n"])
def test_half_a_route_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        ip_route.routes(text)


@pytest.mark.parametrize("blank", ["\t", "    "])
def test_next_hops_are_passed_over(blank: str) -> None:
    assert len(ip_route.routes(f"default\n{blank}nexthop via 10.0.0.1 dev eth0\n")) == 1


@pytest.mark.parametrize("hops", [("dev wg0", "dev wg1"), ("via 10.0.0.1", "via 10.0.0.2 dev eth0")])
def test_each_hop_is_a_route_to_the_last_network(hops: tuple[str, str]) -> None:
    first, second = hops
    found = ip_route.routes(f"10.8.0.0/16 dev eth9\n10.9.0.0/16\n\tnexthop {first}\n\tnexthop {second}\n")
    assert [str(route.network) for route in found] == ["10.8.0.0/16", "10.9.0.0/16", "10.9.0.0/16"]


@pytest.mark.parametrize(
    "rest",
    [
        "",
        " REACHABLE",
        " router STALE",
        " proxy",
        " extern_learn  NOARP",
        " managed REACHABLE proto zebra",
        " offload REACHABLE",
        " extern_valid STALE",
    ],
)
def test_a_neighbour_with_an_address(rest: str) -> None:
    assert ip_route.neighbours(f"10.0.0.1 dev eth0 lladdr {MAC}{rest}\n") == {"10.0.0.1": MAC}


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"end": null}', '{"error": "unable to connect"}', '{"end":' * 100_000, "iperf3: error"]
)
def test_a_throughput_that_is_not_told_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        iperf3.received(text)


def test_a_throughput_beyond_all_numbers_is_unknown() -> None:
    with pytest.raises(Unparsable):
        iperf3.received('{"end": {"sum_received": {"bits_per_second": 1' + "0" * 400 + "}}}")


@pytest.mark.parametrize("kind", ["Ifname", "Local", "MAC", "Alias"])
def test_a_port_is_named_in_several_ways(kind: str) -> None:
    text = f"Port ID TLV\n\t{kind}: 10GE1/0/1\nSystem Name TLV\n\tan odd TLV\n"
    assert lldp.neighbour(text) == lldp.Neighbour("an odd TLV", "10GE1/0/1")


@pytest.mark.parametrize(
    "text",
    [
        "Port ID TLV\n\tIfname: a\n",
        "System Name TLV\n\tsw\n",
        "Port ID TLV\n\tIfname: a\n\tIfname: b\nSystem Name TLV\n\tsw\n",
        "Port ID TLV\n\tIfname: a\nSystem Name TLV\n\tsw1\n\tsw2\n",
        "Port ID TLV\n\tOther: a\nSystem Name TLV\n\tsw\n",
        "\tIfname: a\nPort ID TLV\n",
        "\tIfname TLV\n",
        "Port ID TLV\nIfname: a\n",
        "Port ID TLV\n\tIfname: a\nSystem Name TLV\n\tsw\nTime to Live TLV\nstray\n",
    ],
)
def test_a_neighbour_without_a_name_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        lldp.neighbour(text)


@pytest.mark.parametrize(
    ("line", "sent", "received"),
    [
        ("3 packets transmitted, 2 received, 33% packet loss, time 2003ms", 3, 2),
        ("3 packets transmitted, 2 packets received, 33% packet loss", 3, 2),
        ("已发送 3 个包， 已接收 2 个包, 33.3333% 包丢失, 耗时 2003 毫秒", 3, 2),
        ("已发送 3 个包, 已接收 2 个包， 33% 丢包, 耗时 2003 毫秒", 3, 2),
    ],
)
def test_the_statistics_of_a_ping(line: str, sent: int, received: int) -> None:
    assert ping.parse(f"PING atlas01\n{line}\n") == ping.Ping(sent, received)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ping: unknown host atlas09", "unknown host atlas09"),
        ("ping6: unknown host", "unknown host"),
        ("ping: atlas09: Name or service not known", "Name or service not known"),
        ("ping: atlas09: Temporary failure in name resolution", "Temporary failure in name resolution"),
        ("ping: atlas09: No address associated with hostname", "No address associated with hostname"),
        ("connect: Network is unreachable", "Network is unreachable"),
        ("ping: atlas09: 未知的名称或服务", "未知的名称或服务"),
        ("ping: atlas09: 域名解析暂时失败", "域名解析暂时失败"),
        ("connect: 网络不可达", "网络不可达"),
    ],
)
def test_why_nothing_was_sent(line: str, why: str) -> None:
    assert ping.parse(f"{line}\n") == ping.Ping(0, 0, why)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 packets transmitted, 2 received,",
        "x 33% packet loss",
        "ping: unknown hostile",
        "ping: a: Name or service not known to us",
        "we connect: Network is unreachable",
        "3 packets transmitted, 2 received, x33% packet loss",
    ],
)
def test_a_ping_that_tells_nothing_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        ping.parse(text)


@pytest.mark.parametrize(("address", "is_open"), [("0.0.0.0", True), ("*", True), ("[::]", True), ("127.0.0.1", False)])
def test_where_a_socket_listens(address: str, is_open: bool) -> None:
    [found] = sockets.parse(f"tcp LISTEN 0 128 {address}:22 {address}:* ino:9 sk:1 cgroup:\n")
    assert (found.kind, found.address, found.is_open) == ("tcp", address, is_open)


@pytest.mark.parametrize(
    ("address", "is_reachable"),
    [
        ("127.0.0.1", False),
        ("127.0.0.53%lo", False),
        ("[::1]", False),
        ("[::ffff:127.0.0.1]", False),
        ("0.0.0.0", True),
        ("*", True),
        ("[::]", True),
        ("192.168.3.1", True),
        ("[::ffff:192.168.3.1]", True),
        ("[fe80::1]%eth0", True),
    ],
)
def test_others_reach_a_socket_on_any_address_but_a_loopback_one(address: str, *, is_reachable: bool) -> None:
    [found] = sockets.parse(f"tcp LISTEN 0 128 {address}:2379 *:*\n")
    assert found.is_reachable is is_reachable


def test_an_odd_name_of_a_process() -> None:
    [found] = sockets.parse('udp UNCONN 0 0 [::1]:53 *:* users:(("a\\"b",pid=1,fd=3),("a\\"b",pid=2,fd=4)) ino:9\n')
    assert (found.owners, found.names) == ((('a\\"b', 1), ('a\\"b', 2)), ('a\\"b',))
    assert sockets.parse('tcp LISTEN 0 1 *:1 *:* users:(("",pid=1,fd=3))\n')[0].names == ("",)


@pytest.mark.parametrize(
    "row",
    [
        "tcp LISTEN 0 1 *:* *:*",
        "tcp LISTEN  1 *:22 *:*",
        "tcp LISTEN 0  *:22 *:*",
        "tcp LISTEN 0 1 *:22 *:* users:(sshd)",
        'tcp LISTEN 0 1 *:22 *:* users:(("a",pid=1,fd=))',
        "tcp ESTAB 0 1 *:22 *:*",
    ],
)
def test_a_socket_of_another_form_is_unknown(row: str) -> None:
    with pytest.raises(Unparsable):
        sockets.parse(f"{row}\n")


@pytest.mark.parametrize(
    ("row", "state", "is_good"),
    [
        ("-> 10.0.0.2:6783 established fastdp 1a:2b(atlas02) mtu=1376", "established", True),
        ("<- 10.0.0.2:6783 established sleeve 1a:2b(atlas02)", "established", False),
        ("-> 10.0.0.2:6783 pending fastdp", "pending", False),
        ("-> 10.0.0.2:6783 retrying dial tcp", "retrying", False),
        ("-> 10.0.0.2:6783 failed", "failed", False),
        ("-> 10.0.0.2:6783 connecting", "connecting", False),
    ],
)
def test_a_connection_of_weave(row: str, state: str, is_good: bool) -> None:
    [found] = weave.connections(f"{row}\n")
    assert (found.address, found.state, found.is_good) == ("10.0.0.2", state, is_good)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "weave is not running\n",
        "1a:2b:3c:4d:5e:6f(a) 5 IPs (1%)\nand more\n",
        "1a:2b:3c:4d:5e:6f(a)  IPs (1%)\n",
        "1a:2b:3c:4d:5e:6f(a) 5 IPs ()\n",
    ],
)
def test_shares_of_another_form_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        weave.unreachable_owners(text)
    with pytest.raises(Unparsable):
        weave.connections(text or "?")


@pytest.mark.parametrize(
    ("line", "route"),
    [
        ("multicast 239.0.0.0/8 dev eth0 scope link \n", "239.0.0.0/8 dev eth0"),
        ("10.2.3.0/24 via inet6 fe80::1 dev eth0 proto bgp \n", "10.2.3.0/24 via fe80::1 dev eth0"),
        (
            "10.2.3.0/24 proto bgp \n\tnexthop via inet6 fe80::2 dev eth1 weight 1 \n",
            "10.2.3.0/24 via fe80::2 dev eth1",
        ),
    ],
)
def test_routes_of_other_kinds(line: str, route: str) -> None:
    assert [str(found) for found in ip_route.routes(line)] == [route]
