"""Packet filters of a host."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from itertools import product
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.facts.files import text_of
from dlws.facts.network import addresses_up
from dlws.inventory import Node
from dlws.kubernetes import kubeadm
from dlws.parse.network import ebtables, firewall, iptables_save, nftables
from dlws.parse.network.packet_filter import Fate, Filter, Packet, Sources
from dlws.platform import services
from dlws.remote.host import Host
from dlws.verdict import Unknown

UFW: Final = "if command -v ufw >/dev/null; then LC_ALL=C ufw status; else echo 'ufw: not found'; fi"
OTHER_BACK_END: Final = (
    "case $(if command -v iptables >/dev/null; then iptables --version; fi) in"
    " *nf_tables*) if grep -qsx filter /proc/net/ip_tables_names; then iptables-legacy -w 10 -S INPUT; fi;;"
    " *) if command -v iptables-nft >/dev/null; then iptables-nft -w 10 -S INPUT; fi;; esac"
)
"""The chain in the back end that `iptables` does not show; iptables-legacy is only asked where it has a filter table,
because asking it makes one."""
OTHER_SAVE: Final = (
    'if command -v iptables >/dev/null; then v=$(iptables --version) || exit; echo "# $v";'
    " case $v in *nf_tables*) if test -s /proc/net/ip_tables_names; then iptables-legacy-save; fi;; esac; fi"
)
"""The version of `iptables`, as a comment, and all rules of the legacy back end where it shows those of nf_tables: the
kernel obeys both."""
NFT_CHAINS: Final = "if command -v nft >/dev/null; then nft list chains; fi"
EBTABLES: Final = (
    'for t in filter nat; do if grep -qs "^ebtable_$t " /proc/modules; then'
    " c=$(command -v ebtables-legacy || command -v ebtables) || { echo 'ebtables: not found' >&2; exit 127; };"
    " case $($c -V) in *nf_tables*) echo 'ebtables-legacy: not found' >&2; exit 127;; esac; $c -t $t -L || exit;"
    " fi; done"
)
"""Asked where the module of a legacy table is loaded, because asking loads it; nf_tables' ebtables does not show it.
Of the tables, broute drops nothing: it has a frame routed."""
WAYS_IN: Final = (
    *(("tcp", port) for port in (kubeadm.API_PORT, 10250, 2049, 6783, 80, 443)),
    *(("udp", port) for port in (6783, 6784)),
    ("icmp", 0),
)
"""What hosts, pods and users of a cluster send to a host: API server, kubelet, NFS, weave, web, ping; and to NodePorts
and the platform's services there, as far as the rules tell them apart."""
POD_DEVICES: Final = ("cni0", "weave", "cali0")
"""By which a pod's packets come in: the bridges of most pod networks and of weave, and Calico's interface of a pod."""
SAVED: Final = "/etc/iptables/rules.v4"
"""What the service netfilter-persistent of Debian's iptables-persistent loads at boot."""
BESIDE_INPUT: Final = (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("security", "INPUT"))
"""The tables and chains that a packet to the host passes besides the chain INPUT of the table filter."""
STRANGER: Final = "203.0.113.1"
"""An address of nobody (RFC 5737), for users of the cluster anywhere."""


def ufw_is_active(host: Host) -> bool:
    """Whether ufw filters packets."""
    return firewall.ufw_status(host.read(UFW)) is firewall.Ufw.ACTIVE


def iptables_chain(host: Host, name: str) -> firewall.Chain:
    """A chain of iptables' filter table: `iptables_chain(host, "INPUT")`. A host without iptables accepts all.

    -w: iptables 1.6.1 (Ubuntu 18.04) takes the xtables lock to read too, and ends with 4 where kube-proxy holds it.
    """
    command = f"if command -v iptables >/dev/null; then iptables -w 10 -S {name}; else echo -P {name} ACCEPT; fi"
    return firewall.iptables_chain(host.read(command))


def iptables_chains(host: Host) -> dict[str, tuple[str, ...]]:
    """All chains of iptables' filter table with their rules."""
    return firewall.iptables_chains(host.read("iptables -w 10 -S"))


def input_chains(host: Host) -> tuple[list[firewall.Chain], bool]:
    """The INPUT chain in each back end of iptables, and whether there is one that cannot be listed."""
    shown, text = iptables_chain(host, "INPUT"), host.read(OTHER_BACK_END)
    other = [firewall.iptables_chain(text)] if text.strip() else []
    return [shown, *other], shown.elsewhere and not other


def fate_of_incoming(node: Node, cluster: Cluster, host: Host, chains: list[firewall.Chain]) -> Fate:
    """What the INPUT chains do with packets from the other hosts, from a pod and from a stranger."""
    interface = _interface(node, host)
    filters = [_filter(host, chain) for chain in chains]
    fates = [rules.fate(incoming_packets(node, cluster, interface, rules)) for rules in filters]
    return Fate(*(tuple(dict.fromkeys(rule for fate in fates for rule in fate[at])) for at in (0, 1)))


def fate_beside_input(node: Node, cluster: Cluster, host: Host) -> Fate:
    """What the tables that packets pass besides filter do with them, each rule with its table and chain."""
    dropped: list[str] = []
    doubts: list[str] = []
    interface = _interface(node, host)
    for found, (table, chain) in product(tables(host), BESIDE_INPUT):
        rules = Filter({name: [rule.text for rule in those] for name, those in found.get(table, {}).items()})
        packets = incoming_packets(node, cluster, interface, rules) if rules.chains.get(chain) else []
        fate = rules.fate(packets, chain)
        dropped += [f"{table} {chain} rule {rule}" for rule in fate.dropped_by]
        doubts += [f"{table} {chain} rule {rule}" for rule in fate.doubts]
    return Fate(tuple(dropped), tuple(doubts))


def incoming_packets(node: Node, cluster: Cluster, interface: str, rules: Filter) -> list[Packet]:
    """The packets of WAYS_IN, from the other hosts as far as the rules tell them apart, a stranger, a pod of the host.

    `interface` is the one that carries the host's address.
    """
    pod = str(IPv4Network(cluster.pod_range, strict=False)[2])
    outside = [STRANGER, *_hosts(cluster).told_apart(rules.cuts, node.address)]
    ways = [(source, interface) for source in outside] + [(pod, device) for device in POD_DEVICES]
    to = [*WAYS_IN, *(("tcp", port) for port in _ports_told_apart(node, cluster, rules.port_cuts))]
    return [Packet(source, node.address, by, protocol, port) for source, by in ways for protocol, port in to]


def _ports_told_apart(node: Node, cluster: Cluster, cuts: set[int]) -> list[int]:
    """The ports of the platform's services on the host, and the first NodePort of all between the same two cuts."""
    own = services.host_ports(cluster, node) if cluster.dlworkspace else ()
    node_ports = sorted(port for port in cuts if port in kubeadm.NODE_PORT_RANGE)
    return [*own, kubeadm.NODE_PORT_RANGE[0], *node_ports]


@kept
def networks_of(cluster: Cluster) -> iptables_save.Networks:
    """The networks of pods and services, and the hosts' addresses."""
    ranges = (str(IPv4Network(each, strict=False)) for each in (cluster.pod_range, cluster.service_range))
    return iptables_save.Networks([*ranges, *(node.address for node in cluster.nodes)])


@kept
def _hosts(cluster: Cluster) -> Sources:
    return Sources(node.address for node in cluster.nodes)


def _interface(node: Node, host: Host) -> str:
    """The interface that carries the host's address; "" if none does."""
    return next((a.interface for a in addresses_up(host) if a.address == node.address), "")


def saved_rules(node: Node, cluster: Cluster, host: Host) -> Fate:
    """What the rules do that iptables-persistent loads at boot: drop packets to the host, or may; nothing without it.

    The policy of INPUT is a rule here, `policy DROP`. So are those that drop the pods' packets: what accepts these is
    appended later (flannel, Docker), behind the REJECT that ends FORWARD in a cloud's image.
    """
    if not host.service("netfilter-persistent").is_enabled or (text := text_of(host, SAVED)) is None:
        return Fate()
    loaded = iptables_save.parse(text)
    saved = loaded.get("filter", {})
    rules = Filter({name: [rule.text for rule in those] for name, those in saved.items()})
    policy = re.search(r"(?m)^:INPUT (DROP|REJECT) ", text)
    packets = incoming_packets(node, cluster, _interface(node, host), rules) if rules.chains.get("INPUT") else []
    fate = rules.fate(packets)
    passing = iptables_save.drops(loaded, networks_of(cluster))
    return Fate((*([f"policy {policy[1]}"] if policy else []), *fate.dropped_by, *passing), fate.doubts)


def nft_fate(host: Host) -> tuple[list[str], list[str]]:
    """What keeps packets out in the tables that were made by nft, and what may: a chain's policy, or a rule."""
    on: list[str] = []
    doubts: list[str] = []
    for chain in _nft_chains(host, nftables.INCOMING):
        on += [f"nft chain {chain} policy {chain.policy}"] if chain.policy != "accept" else []
        closed, unclear = nftables.closing(host.read("nft list table %s %s", chain.family, chain.table), chain)
        on += [f"nft chain {chain} rule {rule}" for rule in closed]
        doubts += [f"nft chain {chain} rule {rule}" for rule in unclear]
    return on, doubts


def nft_drops(host: Host) -> tuple[list[str], list[str]]:
    """What drops the pods' packets in the tables that were made by nft, and what may.

    What one base chain drops no other lets pass, so that a policy drops all that no rule of its own chain accepts.
    """
    dropping: list[str] = []
    doubts: list[str] = []
    for chain in _nft_chains(host, nftables.PASSING):
        text = host.read("nft list table %s %s", chain.family, chain.table)
        closed, unclear = nftables.closing(text, chain)
        dropping += [f"nft chain {chain} rule {rule}" for rule in closed]
        doubts += [f"nft chain {chain} rule {rule}" for rule in unclear]
        if chain.policy == "drop":
            (doubts if nftables.accepts_some(text, chain) else dropping).append(f"nft chain {chain} policy drop")
    frames, unclear = ebtables.drops(host.read(EBTABLES))
    return dropping + frames, doubts + unclear


def _filter(host: Host, chain: firewall.Chain) -> Filter:
    """The chain, and those that it jumps to where they are not the cluster's own."""
    alone = Filter({chain.name: chain.rules})
    if not alone.unknown_chains:
        return alone
    return Filter({**iptables_chains(host), chain.name: chain.rules})


SAVE: Final = (
    "if command -v iptables-save >/dev/null; then t=$(iptables-save) || exit;"
    """ printf '%s\\n' "$t" | sed '/^\\*nat/,/^COMMIT/d'; fi"""
)
"""Without nat, which drops nothing and holds most of kube-proxy's rules. It shows the tables that are there, where
`iptables -t raw` would load one."""


def tables(host: Host) -> list[dict[str, iptables_save.Table]]:
    """The tables of iptables that can drop a packet, by name, of each back end; none on a host without iptables."""
    return [iptables_save.parse(host.read(command)) for command in (SAVE, OTHER_SAVE)]


def _nft_chains(host: Host, hooks: frozenset[str]) -> tuple[nftables.BaseChain, ...]:
    """The base chains of these hooks that iptables does not show. Unknown where nft, which would, is not there.

    iptables with the back end nf_tables shows its own tables, as far as nft did not add to them; the legacy one INPUT
    alone, or none.
    """
    listed = host.read(NFT_CHAINS)
    version = host.read(OTHER_SAVE).partition("\n")[0].removeprefix("# ")
    if not version or not firewall.is_nf_tables(version):
        shown = frozenset({("filter", "INPUT")} if host.read(OTHER_BACK_END).strip() else ())
        return nftables.base_chains(listed, hooks, shown)
    odd = iptables_save.not_shown(host.read(SAVE))
    if odd and not listed.strip():
        hint = "and nft, which can, is missing: apt-get install nftables"
        raise Unknown(f"{host.name}: iptables cannot show what is in table {', '.join(sorted(odd))}, {hint}")
    shown = frozenset((table, chain) for table, chain in nftables.OF_IPTABLES if table not in odd)
    return nftables.base_chains(listed, hooks, shown)
