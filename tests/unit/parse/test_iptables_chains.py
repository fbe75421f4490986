"""iptables-save: whose chains, devices and conditions decide whether a rule is about the packets of pods."""

from __future__ import annotations

import pytest

from dlws.parse.network import iptables_save
from dlws.verdict import Unparsable

NETWORKS = iptables_save.Networks(["10.2.0.0/16", "192.168.3.6"])
POD_DEVICES = "cni0 weave flannel.1 cali1f2a tunl0 vxlan.calico kube-bridge cilium_host lxc1f2a ovn0"
FOREIGN_DEVICES = "docker0 br-0123456789ab lo virbr0 virbr12 lxdbr0"
OWNED = "KUBE-SERVICES WEAVE-NPC-DEFAULT cali-fw FLANNEL-X CILIUM_INPUT CNI-ADMIN DOCKER DOCKER-INGRESS"
ALIKE = "KUBE-FORWARDING DOCKER-USERS DOCKER-ISOLATION-STAGE-10 DOCKER-FORWARD-X"
SHARED = "KUBE-FORWARD DOCKER-USER DOCKER-ISOLATION-STAGE-1 DOCKER-FORWARD SITE SITE-WEAVE-1"
OPEN = "-A FORWARD -i cni0 -j ACCEPT"


def drops(*rules: str, table: str = "filter", chain: str = "FORWARD", more: str = "SITE") -> list[str]:
    """What is found of a table; the rules stand without `-A FORWARD`, if they name no chain."""
    written = [rule if rule.startswith(("-A", "[")) else f"-A {chain} {rule}" for rule in rules]
    text = [f"*{table}", f":{chain} ACCEPT [1:23]", f":{more} - [0:0]", *written, "COMMIT", ""]
    return iptables_save.drops(iptables_save.parse("\n".join(text)), NETWORKS)


@pytest.mark.parametrize(
    ("table", "chains"),
    [
        ("raw", "PREROUTING OUTPUT"),
        ("mangle", "PREROUTING FORWARD OUTPUT POSTROUTING"),
        ("filter", "FORWARD OUTPUT"),
        ("security", "FORWARD OUTPUT"),
    ],
)
def test_each_chain_that_pods_pass_is_read(table: str, chains: str) -> None:
    for chain in chains.split():
        assert drops("-j DROP", table=table, chain=chain) == [f"{table} {chain}: -j DROP"]
    assert drops("-j DROP", table=table, chain="INPUT") == []


@pytest.mark.parametrize("chain", f"{OWNED} {ALIKE}".split())
def test_a_chain_of_kubernetes_docker_or_the_pod_network_is_its_own(chain: str) -> None:
    assert drops(f"-j {chain}", f"-A {chain} -j DROP", more=chain) == []


@pytest.mark.parametrize("chain", SHARED.split())
@pytest.mark.parametrize("jump", ["-j", "-g"])
def test_a_chain_that_every_packet_passes_is_followed(chain: str, jump: str) -> None:
    assert drops(f"{jump} {chain}", f"-A {chain} -j DROP", more=chain) == [f"filter {chain}: -j DROP"]


@pytest.mark.parametrize("device", FOREIGN_DEVICES.split())
@pytest.mark.parametrize("side", ["-i", "-o"])
def test_a_device_that_pods_do_not_use_is_none_of_theirs(device: str, side: str) -> None:
    assert drops(f"{side} {device} -j DROP", OPEN) == []
    assert drops(f"{side} {device}x -j DROP", OPEN) == [f"filter FORWARD: {side} {device}x -j DROP"]


@pytest.mark.parametrize("device", ["virbr", "lxdbr", "br-0123456789a"])
def test_a_name_that_only_begins_like_such_a_device_is_no_such_device(device: str) -> None:
    assert drops(f"-i {device} -j DROP", OPEN) == [f"filter FORWARD: -i {device} -j DROP"]


@pytest.mark.parametrize("device", POD_DEVICES.split())
@pytest.mark.parametrize("side", ["-i", "-o"])
def test_what_ends_the_chain_behind_a_pods_device_is_a_policy(device: str, side: str) -> None:
    assert drops(f"{side} {device} -j ACCEPT", "-j DROP") == []
    for other in ("eth0", f"x{device}"):
        assert drops(f"{side} {other} -j ACCEPT", "-j DROP") == ["filter FORWARD: -j DROP"]


@pytest.mark.parametrize("pods", ["-s 10.2.0.0/16", "-d 10.2.0.0/16", "-s 10.2.0.0/16 -d 10.2.0.0/16"])
@pytest.mark.parametrize("comment", ["", '-m comment --comment "pods"'])
def test_what_ends_the_chain_behind_the_pods_addresses_is_a_policy(pods: str, comment: str) -> None:
    assert drops(f"{pods} {comment} -j ACCEPT", "-j DROP") == []
    for some in (f"{pods} -p tcp", "-s 203.0.113.0/24", f"! {pods}"):
        assert drops(f"{some} {comment} -j ACCEPT", "-j DROP") == ["filter FORWARD: -j DROP"]


@pytest.mark.parametrize("jump", ["-j WEAVE-NPC", "-g WEAVE-NPC", "-j WEAVE-NPC-EGRESS", "-d 10.2.0.0/16 -j WEAVE-NPC"])
def test_what_ends_the_chain_behind_weaves_policies_is_a_policy(jump: str) -> None:
    assert drops(jump, "-j DROP") == []
    assert drops(jump.replace("WEAVE-NPC", "SITE-WEAVE-NPC"), "-j DROP") == ["filter FORWARD: -j DROP"]


@pytest.mark.parametrize("chain", ["cali-FORWARD", "FLANNEL-FWD", "CILIUM_FORWARD", "KUBE-ROUTER-FORWARD"])
def test_what_ends_the_chain_behind_a_pod_networks_own_is_a_policy(chain: str) -> None:
    assert drops(f"-s 10.9.0.0/16 -j {chain}", "-j DROP") == []
    assert drops(f"-s 10.9.0.0/16 -j SITE-{chain}", "-j DROP") == ["filter FORWARD: -j DROP"]


@pytest.mark.parametrize(
    "condition",
    [
        "-m mark --mark 0x8000",
        "-p tcp --icmp-type 8",
        "-m conntrack --ctstatus DNAT",
        "-m limit --limit 5/sec",
        "-p tcp --tcp-flags SYN,ACK SYN,ACK",
        "-p tcp --tcp-flags FIN SYN",
        "-p tcp --tcp-flags ALL ACK",
        "-p tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW",
        "-p tcp ! --syn -m state --state NEW",
        "-p tcp --tcp-option 8",
        "-m set --match-set bad src",
        "-m physdev --physdev-in eth0",
        "-m conntrack --ctstate INVALID",
        "-m conntrack --ctstate UNTRACKED",
        "-m state --state INVALID",
        "-m state --state UNTRACKED",
        "-p tcp --dport 25",
        "-p tcp -m multiport --dports 25,587",
        "-p tcp --sport 25",
        "-p tcp -m multiport --sports 25,53",
        "-p tcp -m multiport --ports 53",
        "-p tcp --dport 1000:1998",
        "-p tcp --dport 64537:",
        "-p sctp",
        "-s 203.0.113.7",
        "-d 203.0.113.7",
        "-d 1.1.1.1",
        "-s 10.2.0.9 -d 203.0.113.7",
    ],
)
def test_such_a_condition_is_not_met_by_ordinary_packets(condition: str) -> None:
    assert drops(f"{condition} -j DROP", OPEN) == []


@pytest.mark.parametrize(
    "condition",
    [
        "-p all",
        "-p tcp --syn",
        "-p tcp ! --syn",
        "-p tcp --syn -m state --state NEW",
        "-p tcp --tcp-flags FIN,SYN,RST,ACK SYN",
        "-p tcp --tcp-flags ALL SYN",
        "-p tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
        "-p tcp ! --tcp-flags SYN,ACK SYN,ACK",
        "-p tcp ! --tcp-flags SYN,ACK SYN,ACK -m state --state NEW",
        "-p tcp --dport 1000:1999",
        "-p udp --dport 53",
        "-p tcp --dport :2000",
        "-p tcp --dport 60000:",
        "-d 10.2.255.255",
        "-s 192.168.3.6",
        "-p tcp --dport 64536:",
        "-s 0.0.0.0/0 -d 10.0.0.0/8",
        "! -s 203.0.113.7",
        "-p tcp ! -s 203.0.113.7",
    ],
)
def test_such_a_condition_is(condition: str) -> None:
    assert drops(f"{condition} -j DROP", OPEN) == [f"filter FORWARD: {condition} -j DROP"]


@pytest.mark.parametrize("rule", ["-j ACCEPT", "-g RETURN", '-m comment --comment "all" -j RETURN', "-j RETURN"])
def test_nothing_passes_a_rule_for_all(rule: str) -> None:
    assert drops(rule, "-j DROP") == drops(rule, "-j DROP", OPEN) == []
    assert drops(f"-p tcp {rule}", "-j DROP") == ["filter FORWARD: -j DROP"]


def test_chains_that_lead_to_each_other_are_followed_once() -> None:
    circle = ("-j A", "-A A -j B", "-A B -j C", "-A C -j A", "-A C -j DROP")
    assert drops(*circle) == ["filter C: -j DROP"]


def test_a_drop_behind_an_accept_for_the_same_devices_is_meant() -> None:
    assert drops("-i cni0 -j ACCEPT", "-i cni0 -j DROP", "-i weave -j ACCEPT") == []
    assert drops("-i cni0 -j DROP", "-i cni0 -j ACCEPT") == ["filter FORWARD: -i cni0 -j DROP"]
    assert drops("-o cni0 -j ACCEPT", "-i cni0 -j DROP", "-i weave -j ACCEPT") == ["filter FORWARD: -i cni0 -j DROP"]
    assert drops("-s 10.2.0.0/16 -j ACCEPT", "-j DROP", "-d 10.2.0.0/16 -j ACCEPT") == ["filter FORWARD: -j DROP"]


def test_a_rule_without_a_word_counts_and_drops_nothing() -> None:
    assert drops("-A FORWARD", "[12:720] -A FORWARD -j DROP") == ["filter FORWARD: -j DROP"]


@pytest.mark.parametrize(
    "text",
    [
        "*filter\n*raw\nCOMMIT\n",
        "COMMIT\n",
        "xfilter\nCOMMIT\n",
        ":FORWARD ACCEPT [0:0]\n",
        "*filter\n:FORWARD ACCEPT [:0]\nCOMMIT\n",
        "*filter\n:FORWARD ACCEPT [0:]\nCOMMIT\n",
        "*filter\n:FORWARD ACCEPT [0:0] x\nCOMMIT\n",
        "*filter\n[:0] -A FORWARD -j DROP\nCOMMIT\n",
        "*filter\n[0:] -A FORWARD -j DROP\nCOMMIT\n",
        "*filter\n-AFORWARD\nCOMMIT\n",
        "*filter\n-A FORWARD\t-j DROP\nCOMMIT\n",
        "*filter\n-A FORWARD word\nCOMMIT\n",
    ],
)
def test_a_line_of_no_known_form_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable):
        iptables_save.parse(text)


@pytest.mark.parametrize("rule", ["-s nobody -j DROP", "-p tcp --dport http -j DROP", "-d 10.2.0.0/99 -j DROP"])
def test_a_name_for_an_address_or_a_port_is_not_understood(rule: str) -> None:
    with pytest.raises(Unparsable):
        drops(rule)
