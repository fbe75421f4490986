"""What a chain of iptables does with a packet that comes to the host: lets it in, drops it, or cannot be said.

The matches are those of iptables-extensions(8), as `iptables -S` prints them. A match that is not known here (`recent`,
`set`, `time`) may or may not hold, so a rule that drops by one is a doubt, never a fact; so is a rule that drops what
such a match may have let in before.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final, NamedTuple

from dlws.parse.text import unparsable

Holds = bool | None
"""Whether a match holds; None where that cannot be said."""

OF_THE_CLUSTER: Final = re.compile(r"(?:KUBE|WEAVE|CILIUM|FLANNEL|DOCKER|CNI|cali|f2b|fail2ban)[-_]\S*|DOCKER")
"""Chains of kube-proxy, pod networks, Docker and fail2ban, which keep nothing out but what they were asked to."""
_NO_ENDPOINTS: Final = re.compile(r'"[^\s"]+ has no (?:local )?endpoints"')
"""What kube-proxy says of a rule that refuses what goes to a Service without pods (pkg/proxy/iptables/proxier.go): the
Service's trouble, and no firewall."""
_GO_ON: Final = frozenset(
    "LOG NFLOG ULOG MARK CONNMARK CLASSIFY CHECKSUM TRACE SET TCPMSS TTL DSCP TOS AUDIT CT NOTRACK".split()  # noqa: SIM905
)
_DROPS: Final = ("DROP", "REJECT")
_LET_THROUGH: Final = ("ACCEPT", "RETURN")
_KNOWN_MODULES: Final = frozenset(
    "addrtype comment conntrack icmp mark multiport pkttype state tcp udp".split()  # noqa: SIM905
)
_PROTOCOLS: Final = {"1": "icmp", "6": "tcp", "17": "udp"}
_FLAGS_OF_A_FIRST_PACKET: Final = frozenset({"SYN"})
_GOES_ON: Final = ""
"""What becomes of a packet at a rule that does not end its way through the chain."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection to this host. `interface` is the one it comes in by; empty: not known."""

    source: str
    destination: str
    interface: str
    protocol: str
    port: int = 0


class Sources:
    """The addresses that packets may come from, in the order in which they count."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self.addresses = tuple(addresses)
        values = [int(ipaddress.ip_address(address)) for address in self.addresses]
        self._places = sorted(range(len(values)), key=values.__getitem__)
        self._values = [values[place] for place in self._places]

    def told_apart(self, cuts: Iterable[int], own: str) -> list[str]:
        """The first address other than `own` of all that lie between the same two cuts, in order.

        A thousand hosts' addresses are few where a chain names few networks.
        """
        ends = sorted({0, len(self._values), *(bisect_left(self._values, cut) for cut in cuts)})
        groups = (self._places[begin:end] for begin, end in pairwise(ends))
        others = ([at for at in group if self.addresses[at] != own] for group in groups)
        return [self.addresses[at] for at in sorted(min(places) for places in others if places)]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its text, its matches (each with whether it is negated), its target, and whether it is a goto."""

    text: str
    matches: tuple[tuple[str, tuple[str, ...], bool], ...]
    target: str
    is_goto: bool

    def holds(self, packet: Packet) -> Holds:
        """Whether all of its matches hold for a packet."""
        answers = [_matches(packet, option, values, negated) for option, values, negated in self.matches]
        if False in answers:
            return False
        return None if None in answers else True


class Fate(NamedTuple):
    """What becomes of packets: the rules that drop one, and those of which it cannot be said whether they do."""

    dropped_by: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class Filter:
    """The chains of the filter table by name, each with its rules in order (without `-A CHAIN`).

    Raises Unparsable for chains that jump in a circle, which the kernel refuses (ELOOP).
    """

    chains: Mapping[str, Iterable[str]]
    _rules: dict[str, list[Rule]] = field(init=False)
    _sources: set[str] = field(init=False)
    """The networks that the rules ask a packet's source for."""

    def __post_init__(self) -> None:
        self._rules = {
            name: [rule(text) for text in texts if not (name.startswith("KUBE-") and _NO_ENDPOINTS.search(text))]
            for name, texts in self.chains.items()
        }
        try:
            TopologicalSorter({name: {r.target for r in rules} for name, rules in self._rules.items()}).prepare()
        except CycleError as error:
            raise unparsable("iptables -S", " -> ".join(error.args[1])) from error
        matches = (match for rules in self._rules.values() for r in rules for match in r.matches)
        self._sources = {"".join(values) for option, values, _ in matches if option == "-s"}

    @property
    def unknown_chains(self) -> list[str]:
        """Chains that rules jump to, that are not among `chains` and do not belong to the cluster's own software."""
        targets = {r.target for rules in self._rules.values() for r in rules}
        known = {*self._rules, *_GO_ON, *_DROPS, *_LET_THROUGH, "NFQUEUE", "QUEUE", ""}
        return sorted(name for name in targets - known if not OF_THE_CLUSTER.fullmatch(name))

    @property
    def cuts(self) -> set[int]:
        """Where a network that a rule asks the source for begins, and the address behind it: numbers of addresses."""
        found: set[int] = set()
        for source in self._sources:
            with suppress(ValueError):  # what is no network holds for all addresses, or for none
                network = ipaddress.ip_network(source, strict=False)
                found |= {int(network.network_address), int(network.broadcast_address) + 1}
        return found

    @property
    def port_cuts(self) -> set[int]:
        """Where the destination ports that a rule asks for begin, and the port behind them."""
        found: set[int] = set()
        for rules in self._rules.values():
            for option, values, _ in (match for r in rules for match in r.matches):
                with suppress(TypeError, ValueError):  # of another form than is known: a doubt for all packets
                    bounds = _ranges(*values) if option in ("--dport", "--dports") else []
                    found |= {edge for low, high in bounds for edge in (low, high + 1)}
        return found

    def fate(self, packets: Iterable[Packet], chain: str = "INPUT") -> Fate:
        """What the rules of a chain do with packets; its policy is not asked."""
        dropped, doubts = dict[str, None](), dict[str, None]()
        for packet in self._representatives(packets):
            ends = self._ends(chain, packet, {})
            drops = [end for end in ends if end not in _LET_THROUGH]
            if drops == ends:
                dropped[drops.pop()] = None
            doubts |= dict.fromkeys(drops)
        return Fate(tuple(dropped), tuple(doubts))

    def _representatives(self, packets: Iterable[Packet]) -> Iterable[Packet]:
        """One of all packets that differ only in a source that no rule tells apart."""
        chosen: dict[object, Packet] = {}
        for packet in packets:
            told_apart = tuple(_in_network(packet.source, network) for network in self._sources)
            key = told_apart, packet.destination, packet.interface, packet.protocol, packet.port
            chosen.setdefault(key, packet)
        return chosen.values()

    def _ends(self, chain: str, packet: Packet, known: dict[str, list[str]]) -> list[str]:
        """How a packet's way through a chain may end: ACCEPT, RETURN, the text of a rule that drops it.

        The last is what happens if no doubt comes true. `known` keeps the ends of a chain, because a few chains
        that jump to each other have millions of ways through them.
        """
        if chain not in known:
            known[chain] = list(dict.fromkeys(self._walk(chain, packet, known)))
        return known[chain]

    def _walk(self, chain: str, packet: Packet, known: dict[str, list[str]]) -> Iterator[str]:
        for found in self._rules[chain]:
            if (holds := found.holds(packet)) is False:
                continue
            ends = self._ends_at(found, packet, known)
            for end in ends:
                if end != _GOES_ON:
                    yield end if holds or end in _LET_THROUGH else found.text
            if holds and _GOES_ON not in ends:
                return
        yield "RETURN"

    def _ends_at(self, found: Rule, packet: Packet, known: dict[str, list[str]]) -> list[str]:
        """What may become of a packet at a rule that holds for it."""
        target = found.target
        if target in _LET_THROUGH:
            return [target]
        if target in _DROPS:
            return [found.text]
        if target in self._rules:
            ends = self._ends(target, packet, known)
            return ends if found.is_goto else [_GOES_ON if end == "RETURN" else end for end in ends]
        if not target or target in _GO_ON or OF_THE_CLUSTER.fullmatch(target):
            return [_GOES_ON]
        return [found.text, _GOES_ON]


def rule(text: str) -> Rule:
    """A rule as `iptables -S` prints it behind `-A CHAIN`. Raises Unparsable for quotes that do not close."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise unparsable("iptables -S", text) from error
    matches: list[tuple[str, tuple[str, ...], bool]] = []
    negated = False
    while words:
        word = words.pop(0)
        if word in ("-j", "-g"):
            return Rule(text, tuple(matches), words[0] if words else "", word == "-g")
        if word == "!":
            negated = True
            continue
        values = []
        while words and not words[0].startswith("-") and words[0] != "!":
            values.append(words.pop(0))
        matches.append((word, tuple(values), negated))
        negated = False
    return Rule(text, tuple(matches), "", is_goto=False)


def _matches(packet: Packet, option: str, values: tuple[str, ...], negated: bool) -> Holds:
    try:
        found = _OPTIONS[option](packet, *values) if option in _OPTIONS else None
    except (TypeError, ValueError):  # another number of values, or values of another form, than are known here
        found = None
    return found if found is None else found is not negated


def _in_network(address: str, network: str = "") -> Holds:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False) if address else None
    except ValueError:
        return None


def _interface(packet: Packet, name: str) -> Holds:
    if name == "lo":
        return False  # the packet comes from outside
    if not packet.interface:
        return None
    return packet.interface.startswith(name[:-1]) if name.endswith("+") else packet.interface == name


def _ranges(listed: str) -> list[tuple[int, int]]:
    """The first and the last port of each part of `53,6000:7000,9000:`. ValueError for anything else."""
    parts = [part.partition(":") for part in listed.split(",")]
    return [(int(low or 0), int(high or (65535 if colon else low))) for low, colon, high in parts]


def _ports(packet: Packet, listed: str) -> Holds:
    return any(low <= packet.port <= high for low, high in _ranges(listed))


def _mark(value: str) -> bool:
    """Whether a packet without a mark has this one: `0x8000/0x8000` asks for a bit that is not set."""
    return int(value.partition("/")[0], 0) == 0


_OPTIONS: Final[dict[str, Callable[..., Holds]]] = {
    "-m": lambda packet, module: module in _KNOWN_MODULES or None,
    "-s": lambda packet, value: _in_network(packet.source, value),
    "-d": lambda packet, value: _in_network(packet.destination, value),
    "-i": _interface,
    "-o": lambda packet, value: False,
    "-f": lambda packet: False,
    "-p": lambda packet, value: value in ("all", "0") or _PROTOCOLS.get(value, value) == packet.protocol,
    "--dport": _ports,
    "--dports": _ports,
    "--ctstate": lambda packet, value: "NEW" in value.split(","),
    "--state": lambda packet, value: "NEW" in value.split(","),
    "--ctdir": lambda packet, value: value == "ORIGINAL",
    "--tcp-flags": lambda packet, mask, flags: (
        (_FLAGS_OF_A_FIRST_PACKET & (set(mask.split(",")) if mask != "ALL" else _FLAGS_OF_A_FIRST_PACKET))
        == ({*flags.split(",")} - {"NONE"})
    ),
    "--syn": lambda packet: packet.protocol == "tcp",
    "--icmp-type": lambda packet, value: value in ("8", "8/0", "any", "echo-request"),
    "--dst-type": lambda packet, value: "LOCAL" in value.split(","),
    "--src-type": lambda packet, value: "UNICAST" in value.split(","),
    "--mark": lambda packet, value: _mark(value),
    "--pkt-type": lambda packet, value: value in ("unicast", "host"),
    "--comment": lambda packet, *words: True,
}
"""By option, whether it holds for a packet. It is asked of a packet that is new, unmarked, and for this host itself."""
