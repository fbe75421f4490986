"""`iptables-save`: all rules of the packet filter, and those that drop forwarded packets.

Formats: 1.6.1 (Ubuntu 18.04) to 1.8.9, legacy and nf_tables back end.
"""

from __future__ import annotations

import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "iptables-save"
Table = Mapping[str, Sequence["Rule"]]
"""The rules of each chain, in order."""

PASSED: Final = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("FORWARD", "OUTPUT"),
    "security": ("FORWARD", "OUTPUT"),
}
"""The built-in chains that packets from and to pods pass; those to the host itself (INPUT) are N07's."""
_OWNED: Final = re.compile(
    r"KUBE-(?!FORWARD$)|WEAVE-|cali-|FLANNEL-|CILIUM_|CNI-|DOCKER$|DOCKER-(?!USER$|ISOLATION-STAGE-1$|FORWARD$)"
)
"""Chains that kube-proxy, kubelet, pod networks and Docker write; their drops are conditional and meant.

Not KUBE-FORWARD and Docker's first chains: every forwarded packet passes them, and what their owners drop there is of
no pod (state INVALID, Docker's own bridges). Whoever put a rule first in one of them has closed FORWARD.
"""
_OTHER_DEVICES: Final = re.compile(r"docker0|br-[0-9a-f]{12}|lo|virbr\d+|lxdbr\d+")
"""Devices that pods' packets do not pass: Docker's own bridges, virtual machines, the loopback."""
_POD_DEVICES: Final = re.compile(r"(?:cni|weave|flannel|cali|tunl|vxlan|kube-|cilium|lxc|ovn)")
_NETWORKS_OWN: Final = re.compile(r"(?:cali-FORWARD|FLANNEL-FWD|CILIUM_FORWARD|KUBE-ROUTER-FORWARD|ANTREA-FORWARD)$")
"""Chains to which FORWARD jumps first, in which a pod network accepts its pods' packets."""
_STATES: Final = ("--ctstate", "--state")
_PORTS: Final = ("--dport", "--dports", "--sport", "--sports", "--ports")
_DESTINATIONS: Final = ("--dport", "--dports")
_DNS: Final = 53
_MANY: Final = 1000
"""Ports, from which on a rule is not about a service."""
_SPECIAL: Final = (
    "--mark",
    "--icmp-type",
    "--ctstatus",
    "--limit",
    "--tcp-option",
    "--match-set",
    "--physdev-in",
)
"""Conditions that a packet of a pod meets only by exception."""

_INCOMPATIBLE: Final = re.compile(
    r"^# Table `(\S+)' (?:is incompatible|contains incompatible base-chains),", re.MULTILINE
)


class Networks:
    """Networks and addresses that rules are held against: those of all hosts, for each rule of each host."""

    def __init__(self, networks: Iterable[str]) -> None:
        """ValueError for what is no network of IPv4."""
        spans = sorted((int(own[0]), int(own[-1])) for own in map(IPv4Network, networks))
        self._begins = [begin for begin, _ in spans]
        self._ends = [*accumulate((end for _, end in spans), max)]

    def overlap(self, network: str) -> bool:
        """Whether one of them has an address in common with a network. ValueError if it is none."""
        other = IPv4Network(network, strict=False)
        before = bisect_right(self._begins, int(other.broadcast_address))  # those that begin at its end or before
        return before > 0 and self._ends[before - 1] >= int(other.network_address)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written; `options` by name (`-s`, `-j`, `--dport`), an inverted one with ` !` behind its name."""

    text: str
    options: Mapping[str, str]

    @property
    def target(self) -> str:
        """Where it jumps or goes to; empty for a rule that only counts."""
        return self.options.get("-j", self.options.get("-g", ""))

    @property
    def devices(self) -> tuple[str, str]:
        """The devices that a packet comes in by and goes out by; "" for any."""
        return self.options.get("-i", ""), self.options.get("-o", "")

    @property
    def is_for_all(self) -> bool:
        """Whether it has no condition."""
        return not set(self.options) - {"-j", "-g", "-m", "--comment"}

    @property
    def _is_for_flags_of_pods(self) -> bool:
        """Whether it holds for what opens a TCP connection, as `--syn`, or for all that follows, as `! --syn`.

        Together with a state `! --syn` is for new connections that do not begin with SYN, which no pod makes.
        """
        flags = {name: value for name, value in self.options.items() if name.startswith(("--syn", "--tcp-flags"))}
        opens = {name: _opens_a_connection(value) for name, value in flags.items()}
        by_state = any(state in self.options for state in _STATES)
        return all(not (opens[name] and by_state) if name.endswith(" !") else opens[name] for name in opens)

    def concerns(self, networks: Networks) -> bool:
        """Whether an ordinary packet of a pod may meet it: by address, device, protocol and connection state."""
        options = self.options
        if any(name in options for name in _SPECIAL) or options.get("-p", "tcp") not in ("tcp", "udp", "all"):
            return False
        if not self._is_for_flags_of_pods:
            return False
        if any(_OTHER_DEVICES.fullmatch(options.get(side, "")) for side in ("-i", "-o")):
            return False
        if any(options.get(state, "NEW") in ("INVALID", "UNTRACKED") for state in _STATES):
            return False
        if any(name in options for name in _PORTS) and not any(_means_pods(options.get(n, "")) for n in _DESTINATIONS):
            return False
        return all(_overlaps(options[side], networks) for side in ("-s", "-d") if side in options)


def not_shown(text: str) -> frozenset[str]:
    """The tables of which `iptables-save` shows not all, or nothing, because nft made what is in them (1.8.2 on).

    It says so in a comment, and ends with status 0 (tried: 1.8.9): "# Table `raw' contains incompatible base-chains".
    """
    return frozenset(_INCOMPATIBLE.findall(text))


def parse(text: str) -> dict[str, Table]:
    """The tables by name; none where no table is in use. Raises Unparsable for one that does not end."""
    found: dict[str, dict[str, list[Rule]]] = {}
    chains: dict[str, list[Rule]] | None = None
    for line in lines(SOURCE, text):
        if line.startswith("#"):
            continue
        if line.startswith("*") and chains is None:
            chains = found.setdefault(line[1:], {})
        elif line == "COMMIT" and chains is not None:
            chains = None
        elif chains is not None and (chain := re.fullmatch(r":(\S+) \S+ \[\d+:\d+\]", line)):
            chains[chain[1]] = []
        elif chains is not None and (rule := re.fullmatch(r"(?:\[\d+:\d+\] )?-A (\S+)(?: (.+))?", line)):
            chains.setdefault(rule[1], []).append(_rule(rule[2] or ""))
        else:
            raise unparsable(SOURCE, line)
    if chains is not None:
        raise unparsable(SOURCE, text.splitlines()[-1], "cut off after")
    return dict(found)


def drops(tables: Mapping[str, Table], networks: Networks) -> list[str]:
    """The rules that drop packets of pods, as `filter FORWARD: -s 10.2.0.0/16 -j DROP`.

    `networks` are those of pods, services and hosts. A rule behind the last one that accepts pods ends what was not
    accepted, as a policy of DROP does, and is no finding; nor is one behind a rule that accepts for the same devices:
    weave writes `-o weave -j WEAVE-NPC`, then `-o weave -j DROP`.
    """
    return [
        f"{name} {chain}: {rule.text}"
        for name, passed in PASSED.items()
        for start in passed
        for chain, rule in _dropping(tables.get(name, {}), start, networks, ())
    ]


def forwards(rules: Sequence[str], chains: Callable[[], Mapping[str, Sequence[str]]], pods: Networks) -> bool:
    """Whether a rule of FORWARD, as `iptables -S` prints it, accepts new connections of pods or to them.

    `chains` are asked for only where a chain of the pod network's own decides: an empty one accepts nothing.
    """
    parsed = [_rule(text) for text in rules]
    new = [rule for rule in parsed if all("NEW" in rule.options.get(state, "NEW").split(",") for state in _STATES)]
    accepting = [rule for rule in new if rule.options.get("-p", "all") == "all" and _accepts_pods(rule, pods)]
    own = [rule.target for rule in accepting if _NETWORKS_OWN.match(rule.target)]
    return len(own) < len(accepting) or any(chains().get(name) for name in own)


def _dropping(table: Table, chain: str, networks: Networks, above: tuple[str, ...]) -> Iterator[tuple[str, Rule]]:
    rules = table.get(chain, ())
    accepting = [at for at, rule in enumerate(rules) if _accepts_pods(rule, networks)]
    last = accepting[-1] if accepting else len(rules)
    for at, rule in enumerate(rules):
        if at > last or (rule.is_for_all and rule.target in ("ACCEPT", "RETURN")):
            return
        if not rule.concerns(networks):
            continue
        if rule.target in ("DROP", "REJECT"):
            if not any(rules[before].devices == rule.devices != ("", "") for before in accepting if before < at):
                yield chain, rule
        elif not _OWNED.match(rule.target) and rule.target not in (*above, chain):
            yield from _dropping(table, rule.target, networks, (*above, chain))


def _accepts_pods(rule: Rule, networks: Networks) -> bool:
    if _NETWORKS_OWN.match(rule.target):
        return True
    conditions = set(rule.options) - {"-j", "-g", "-m", "--comment"}
    by_device = any(_POD_DEVICES.match(rule.options.get(side, "")) for side in ("-i", "-o"))
    by_address = conditions <= {"-s", "-d"} and rule.concerns(networks)
    return (rule.target == "ACCEPT" or rule.target.startswith("WEAVE-NPC")) and (by_device or by_address)


@lru_cache(maxsize=8192)
def _rule(text: str) -> Rule:
    """The rule of a line. kube-proxy writes the same thousands of them on every node: each is read once."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise unparsable(SOURCE, text) from None
    options: dict[str, str] = {}
    name, inverted = "", ""
    for word in words:
        if word == "!":
            inverted = " !"
        elif re.match(r"--?[a-zA-Z]", word):
            name, inverted = word + inverted, ""
            options[name] = ""
        elif name:
            options[name] = f"{options[name]} {word}".strip()
        else:
            raise unparsable(SOURCE, text)
    return Rule(text, MappingProxyType(options))


def _opens_a_connection(flags: str) -> bool:
    """Whether flags, `FIN,SYN,RST,ACK SYN` or none of `--syn`, are those of the packet that opens a connection."""
    mask, _, those_set = (flags or "SYN SYN").partition(" ")
    return those_set == "SYN" and bool({"SYN", "ALL"} & {*mask.split(",")})


def _means_pods(ports: str) -> bool:
    """Whether destination ports, `53,9153` or `1024:65535`, have DNS among them or are too many for a service."""
    bounds = [part.partition(":") for part in ports.split(",") if part]
    try:
        ranges = [range(int(low or 0), int((high or 65535) if colon else low) + 1) for low, colon, high in bounds]
    except ValueError:
        raise unparsable(SOURCE, ports, "not ports:") from None
    return any(_DNS in these or len(these) >= _MANY for these in ranges)


def _overlaps(network: str, networks: Networks) -> bool:
    try:
        return networks.overlap(network)
    except ValueError:
        raise unparsable(SOURCE, network, "not a network:") from None
