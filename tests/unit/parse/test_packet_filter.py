"""What iptables and nft do with a packet that comes in. Texts of iptables 1.8.9 and nftables 1.0.6."""

from __future__ import annotations

import pytest

from dlws.parse.network import firewall, nftables
from dlws.parse.network.packet_filter import Fate, Filter, Packet, Sources
from dlws.verdict import Unparsable

API = Packet("192.168.3.4", "192.168.3.6", "eth0", "tcp", 6443)
PING = Packet("192.168.3.4", "192.168.3.6", "eth0", "icmp")
WEAVE = Packet("192.168.3.4", "192.168.3.6", "eth0", "udp", 6783)
RED_HAT = """\
-P INPUT ACCEPT
-P FORWARD ACCEPT
-N RH
-A INPUT -j RH
-A RH -m state --state RELATED,ESTABLISHED -j ACCEPT
-A RH -i lo -j ACCEPT
-A RH -p icmp -m icmp --icmp-type any -j ACCEPT
-A RH -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A RH -j REJECT --reject-with icmp-port-unreachable
"""
OF_NFT = """\
table inet x {
\tchain a {
\t\ttype filter hook input priority filter - 10; policy accept;
\t\tct state vmap { invalid : drop, established : accept, related : accept }
\t\tct state invalid counter packets 0 bytes 0 drop
\t\ttcp dport 6443 jump b
\t}

\tchain b {
\t\tdrop
\t}
}
"""


def fate(*rules: str, packet: Packet = API) -> Fate:
    return Filter({"INPUT": rules}).fate([packet])


@pytest.mark.parametrize(
    "rule",
    [
        "-j DROP",
        "-j REJECT --reject-with icmp-host-prohibited",
        '-m comment --comment "the \\"rest\\" -j ACCEPT" -j DROP',
        "-m conntrack --ctstate NEW -j DROP",
        "-m state --state INVALID,NEW -j DROP",
        "-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP",
        "! -i lo -j DROP",
        "-i eth0 -j DROP",
        "-i eth+ -j DROP",
        "-p tcp -j DROP",
        "-p 6 -j DROP",
        "-s 192.168.3.0/24 -j DROP",
        "-d 192.168.3.6/32 -p tcp -m tcp --dport 6443 -j DROP",
        "-p tcp -m multiport --dports 22,6000:7000 -j REJECT --reject-with tcp-reset",
        "-p tcp -m multiport ! --dports 22,80 -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
        "-p tcp -m tcp --syn -j DROP",
        "-m addrtype --dst-type LOCAL -j DROP",
        "-m mark ! --mark 0x1/0x1 -j DROP",
        "-m mark --mark 0x0/0xff -j DROP",
        "-p all -j DROP",
        "-p 0 -j DROP",
        "! -f -j DROP",
        "! -o eth1 -j DROP",
        "-p tcp -m tcp --dport 6000: -j DROP",
        "-p tcp -m tcp --dport :6443 -j DROP",
        "-p tcp -m tcp --tcp-flags ALL SYN -j DROP",
        "-m conntrack --ctdir ORIGINAL -j DROP",
        "-m addrtype --src-type UNICAST -j DROP",
        "-m pkttype --pkt-type unicast -j DROP",
        "-m pkttype --pkt-type host -j DROP",
    ],
)
def test_a_rule_that_keeps_a_new_connection_out_is_named(rule: str) -> None:
    before = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-p tcp -m tcp --dport 22 -j ACCEPT"
    assert fate(*before, rule, "-j ACCEPT") == Fate((rule,))


@pytest.mark.parametrize(
    "rule",
    [
        "-m conntrack --ctstate INVALID -j DROP",
        "-i lo -j DROP",
        "-i docker0 -j DROP",
        "-i et0+ -j DROP",
        "-f -j DROP",
        "-o eth0 -j DROP",
        "-p tcp -m tcp --dport 7000: -j DROP",
        "-p tcp -m tcp --dport :6442 -j DROP",
        "-m conntrack --ctdir REPLY -j DROP",
        "-p tcp",
        "-p tcp -j RETURN",
        "-s 10.0.0.9/32 -j DROP",
        "-d 127.0.0.1/32 -p tcp -m tcp --dport 6784 -m addrtype ! --src-type LOCAL -j DROP",
        "-p udp -j DROP",
        "-p tcp -m tcp --dport 23 -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP",
        "-p tcp -m tcp ! --syn -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
        "-m mark --mark 0x8000/0x8000 -j DROP",
        "-m mark --mark 0x1 -j DROP",
        "-m pkttype --pkt-type broadcast -j DROP",
        "-j LOG --log-prefix x",
        "-j KUBE-FIREWALL",
        '-m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT',
        "-p tcp -m multiport --dports 22 -j f2b-sshd",
    ],
)
def test_a_rule_for_other_packets_keeps_nothing_out(rule: str) -> None:
    assert fate(rule) == Fate()


@pytest.mark.parametrize(
    "rule",
    [
        "-m recent --rcheck --seconds 60 --name x -j DROP",
        "-m set --match-set allowed src -j DROP",
        "-p tcp -m tcp --sport 1024:65535 -j DROP",
        "-j NFQUEUE --queue-num 0",
        "-m tcp udp -j DROP",
        "-m mark --mark all -j DROP",
        "-j LOGDROP",
        "-g LOGDROP",
    ],
)
def test_a_rule_that_cannot_be_judged_is_a_doubt(rule: str) -> None:
    assert fate(rule) == Fate((), (rule,))


def test_what_is_accepted_first_is_not_dropped() -> None:
    assert fate("-p tcp -m tcp --dport 6443 -j ACCEPT", "-j DROP") == Fate()
    assert fate("-p tcp -m tcp --dport 6443 -j ACCEPT", "-j DROP", packet=WEAVE) == Fate(("-j DROP",))


def test_the_chain_that_is_jumped_to_decides() -> None:
    table = Filter(firewall.iptables_chains(RED_HAT))
    assert table.fate([API]) == Fate(("-j REJECT --reject-with icmp-port-unreachable",))
    assert table.fate([PING]) == Fate()


@pytest.mark.parametrize("doubt", ["-m set --match-set allowed src -j ACCEPT", "-m recent --rcheck -j RETURN"])
def test_what_a_doubt_may_have_let_in_is_not_dropped_for_sure(doubt: str) -> None:
    assert fate(doubt, "-j DROP") == Fate((), ("-j DROP",))
    assert fate("-m recent --rcheck -j DROP", "-j REJECT") == Fate(("-j REJECT",), ("-m recent --rcheck -j DROP",))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["-p tcp -j ACCEPT"], Fate()),
        (["-p tcp -j RETURN", "-j DROP"], Fate()),
        (["-m recent --rcheck -j DROP"], Fate((), ("-m recent --rcheck -j DROP",))),
        (["-p udp -j DROP"], Fate()),
        (["-p tcp -j DROP"], Fate(("-p tcp -j DROP",))),
    ],
)
def test_what_a_chain_does_holds_where_it_is_jumped_to(rules: list[str], expected: Fate) -> None:
    assert Filter({"INPUT": ["-j OWN"], "OWN": rules}).fate([API]) == expected
    perhaps = Filter({"INPUT": ["-m recent --rcheck -j OWN"], "OWN": rules}).fate([API])
    assert perhaps == Fate((), ("-m recent --rcheck -j OWN",) if expected != Fate() else ())


@pytest.mark.parametrize(
    "other",
    [
        Packet("10.0.0.9", API.destination, API.interface, API.protocol, API.port),
        Packet(API.source, "10.0.0.9", API.interface, API.protocol, API.port),
        Packet(API.source, API.destination, "eth1", API.protocol, API.port),
        Packet(API.source, API.destination, API.interface, "udp", API.port),
        Packet(API.source, API.destination, API.interface, API.protocol, 22),
    ],
)
def test_packets_are_alike_only_where_nothing_tells_them_apart(other: Packet) -> None:
    rules = (
        "-s 10.0.0.9/32 -j DROP",
        "-d 10.0.0.9/32 -j DROP",
        "-i eth1 -j DROP",
        "-p udp -j DROP",
        "--dport 22 -j DROP",
    )
    table = Filter({"INPUT": rules})
    assert table.fate([API]) == Fate()
    assert len(table.fate([API, other]).dropped_by) == 1


@pytest.mark.parametrize(("number", "name"), [("1", "icmp"), ("6", "tcp"), ("17", "udp")])
def test_a_protocol_may_be_a_number(number: str, name: str) -> None:
    packet = Packet(API.source, API.destination, "eth0", name, 6783)
    assert fate(f"-p {number} -j DROP", packet=packet).dropped_by
    assert fate(f"! -p {number} -j DROP", packet=packet) == Fate()


@pytest.mark.parametrize("kind", ["8", "8/0", "any", "echo-request"])
def test_a_ping_is_an_echo_request(kind: str) -> None:
    assert fate(f"-p icmp -m icmp --icmp-type {kind} -j DROP", packet=PING).dropped_by
    assert fate("-p icmp -m icmp --icmp-type 3 -j DROP", packet=PING) == Fate()


@pytest.mark.parametrize("words", ["no endpoints", "no local endpoints"])
def test_a_service_without_pods_is_no_firewall(words: str) -> None:
    refused = f'-p tcp -m comment --comment "default/web:http has {words}" -m tcp --dport 6443 -j REJECT'
    whole = "-p tcp -m tcp --dport 6443 -j DROP"
    for chain, rule, expected in (
        ("KUBE-EXTERNAL-SERVICES", refused, Fate()),
        ("KUBE-EXTERNAL-SERVICES", whole, Fate((whole,))),
        ("SITE", refused, Fate((refused,))),
    ):
        assert Filter({"INPUT": [f"-j {chain}"], chain: [rule]}).fate([API]) == expected


def test_a_packet_from_outside_comes_by_no_loopback_whatever_its_device() -> None:
    packet = Packet(API.source, API.destination, "", API.protocol, API.port)
    assert fate("-i lo -j DROP", packet=packet) == Fate()
    assert fate("! -i lo -j DROP", packet=packet) == Fate(("! -i lo -j DROP",))
    assert fate("-i eth0 -j DROP", packet=packet) == Fate((), ("-i eth0 -j DROP",))


CLUSTERS = (
    "KUBE-FIREWALL WEAVE-NPC CILIUM_INPUT FLANNEL-FWD DOCKER-USER DOCKER CNI-ADMIN cali-INPUT f2b-sshd fail2ban-ssh"
)


@pytest.mark.parametrize("chain", CLUSTERS.split())
def test_chains_of_the_clusters_software_are_no_doubt(chain: str) -> None:
    table = Filter({"INPUT": [f"-j {chain}"]})
    assert (table.fate([API]), table.unknown_chains) == (Fate(), [])


def test_a_name_that_only_begins_like_dockers_is_a_doubt() -> None:
    table = Filter({"INPUT": ["-j DOCKERS"]})
    assert (table.fate([API]), table.unknown_chains) == (Fate((), ("-j DOCKERS",)), ["DOCKERS"])


def test_targets_of_iptables_itself_are_no_chains() -> None:
    targets = ["ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "MARK", "NFQUEUE", "QUEUE", "OWN"]
    assert Filter({"INPUT": [*(f"-j {target}" for target in targets), "-p tcp"], "OWN": []}).unknown_chains == []


def test_chains_that_jump_in_a_circle_are_no_table_of_iptables() -> None:
    with pytest.raises(Unparsable, match="OWN -> OTHER"):
        Filter({"INPUT": ["-j OWN"], "OWN": ["-j OTHER"], "OTHER": ["-m recent --rcheck -j OWN"]})


def test_many_ways_through_the_chains_are_walked_once() -> None:
    chains = {f"C{n}": [f"-m recent --rcheck -j C{n + 1}", f"-j C{n + 1}"] for n in range(60)}
    assert Filter({**chains, "C60": ["-p tcp -j DROP"]}).fate([API], "C0").dropped_by == ("-p tcp -j DROP",)


def test_quotes_that_do_not_close_are_no_rule() -> None:
    with pytest.raises(Unparsable, match="iptables -S"):
        Filter({"INPUT": ['-m comment --comment "no end -j DROP']})


def test_a_goto_does_not_come_back() -> None:
    chains = {"INPUT": ["-g OPEN", "-j DROP"], "OPEN": ["-s 10.0.0.9/32 -j DROP"]}
    assert Filter(chains).fate([API]) == Fate()
    assert Filter(chains | {"INPUT": ["-j OPEN", "-j DROP"]}).fate([API]) == Fate(("-j DROP",))


def test_ports_are_cut_where_a_rule_asks_for_them() -> None:
    rules = ["-p tcp -m tcp --dport 30500:32767 -j DROP", "-p tcp -m multiport --dports 3306,9000: -j DROP"]
    assert Filter({"INPUT": [*rules, "-p tcp --dport x -j DROP"]}).port_cuts == {30500, 32768, 3306, 3307, 9000, 65536}
    assert Filter({"INPUT": ["-p udp -m udp --dport :1023 -j DROP"]}).port_cuts == {0, 1024}
    assert Filter({"INPUT": ["-p tcp -m tcp --sport 53 -j DROP"]}).port_cuts == set()


def test_a_chain_without_rules_here_is_unknown_but_for_the_clusters() -> None:
    chains = Filter({"INPUT": ["-j KUBE-FIREWALL", "-j RH-Firewall-1-INPUT", "-j LOG"]})
    assert chains.unknown_chains == ["RH-Firewall-1-INPUT"]


@pytest.mark.parametrize("text", ["", "-A INPUT -j DROP\n", "-P INPUT ACCEPT\n-A RH -j DROP\n", "-P INPUT ACCEPT\nx\n"])
def test_a_torn_table_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        firewall.iptables_chains(text)


def incoming(text: str) -> tuple[nftables.BaseChain, ...]:
    return nftables.base_chains(text, nftables.INCOMING)


def test_a_table_of_nft_itself_is_seen() -> None:
    text = "table ip filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n"
    [chain] = incoming(text)
    assert (str(chain), chain.policy) == ("ip filter input", "drop")
    assert nftables.closing(text, chain) == ([], [])


def test_tables_of_iptables_and_of_the_cluster_are_not_nfts() -> None:
    chain = "\tchain {} {{\n\t\ttype filter hook input priority 0; policy drop;\n\t}}\n}}\n"
    own = [f"table ip filter {{\n{chain.format('INPUT')}", f"table ip kube-proxy {{\n{chain.format('filter-input')}"]
    assert incoming("".join(own)) == incoming("") == ()


@pytest.mark.parametrize("hook", ["forward", "output", "postrouting"])
def test_packets_of_pods_pass_other_hooks_than_those_to_the_host(hook: str) -> None:
    kind = "route" if hook == "output" else "filter"
    text = f"table inet x {{\n\tchain c {{\n\t\ttype {kind} hook {hook} priority 0; policy drop;\n"
    assert [str(chain) for chain in nftables.base_chains(text, nftables.PASSING)] == ["inet x c"]
    assert incoming(text) == ()


def test_a_chain_accepts_some_packets_where_a_rule_of_it_does_or_may() -> None:
    chain = nftables.BaseChain("inet", "filter", "input", "drop")
    text = "table inet filter {{\n\tchain input {{\n\t\t{}\n\t}}\n\tchain other {{\n\t\taccept\n\t}}\n}}\n"
    rules = ("counter", "ct state established accept", "tcp dport 80 jump other", "goto other")
    assert [nftables.accepts_some(text.format(rule), chain) for rule in rules] == [False, True, True, True]


def test_rules_of_nft_close_or_are_doubts() -> None:
    [chain] = incoming(OF_NFT)
    assert nftables.closing(OF_NFT, chain) == ([], ["drop"])
    closing = OF_NFT.replace("tcp dport 6443 jump b", 'counter packets 0 bytes 0 log prefix "no " reject with icmpx')
    assert nftables.closing(closing, chain) == (['counter packets 0 bytes 0 log prefix "no " reject with icmpx'], [])
    opened = OF_NFT.replace("tcp dport 6443 jump b", "accept\n\t\tdrop")
    assert nftables.closing(opened, chain) == ([], [])
    assert nftables.closing(OF_NFT.replace("jump b", "drop"), chain) == ([], ["tcp dport 6443 drop"])


@pytest.mark.parametrize("networks", [[], ["10.1.2.0/24"], ["10.1.0.7", "10.1.0.0/23", "10.1.3.128/25"], ["a host"]])
def test_of_a_thousand_hosts_few_are_told_apart(networks: list[str]) -> None:
    addresses = [f"10.1.{n % 4}.{n // 4 + 1}" for n in range(1000)]
    rules = Filter({"INPUT": [f"-s {network} -j DROP" for network in networks]})
    own = addresses[0]
    chosen = Sources(addresses).told_apart(rules.cuts, own)

    def fates(of: list[str]) -> set[Fate]:
        return {rules.fate([Packet(source, own, "eth0", "icmp")]) for source in of}

    assert fates(chosen) == fates(addresses[1:])
    assert len(chosen) <= 2 * len(networks) + 1
    assert own not in chosen
    assert chosen == [address for address in addresses if address in chosen]
    assert chosen[0] == addresses[1]


def test_addresses_beside_a_networks_ends_are_told_apart() -> None:
    rules = Filter({"INPUT": ["-s 10.0.0.2/31 -j DROP", "-d 10.0.0.0/24 -j DROP"]})
    hosts = Sources(f"10.0.0.{n}" for n in (1, 2, 3, 4))
    assert hosts.told_apart(rules.cuts, "10.0.0.9") == ["10.0.0.1", "10.0.0.2", "10.0.0.4"]
    assert Filter({"INPUT": ["-d 10.0.0.2/31 -j DROP"]}).cuts == set()
    assert Sources(["10.0.0.1", "10.0.0.2"]).told_apart((), "10.0.0.2") == ["10.0.0.1"]
    assert Sources(["10.0.0.2"]).told_apart((), "10.0.0.2") == []
