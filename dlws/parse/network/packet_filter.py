"""What a chain of iptables does with a packet that comes to the host: lets it in, drops it, or cannot be said.

The matches are those of iptables-extensions(8), as `iptables -S` prints them. A match that is not known here (`recent`,
`set`, `time`) may or may not hold, so a rule that drops by one is a doubt, never a fact.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from dlws.parse.text import unparsable

Holds = bool | None
"""Whether a match holds; None where that cannot be said."""

OF_THE_CLUSTER: Final = re.compile(r"(?:KUBE|WEAVE|CILIUM|FLANNEL|DOCKER|CNI|cali|f2b|fail2ban)[-_]\S*|DOCKER")
"""Chains of kube-proxy, pod networks, Docker and fail2ban, which keep nothing out but what they were asked to."""
_GO_ON: Final = frozenset(
    "LOG NFLOG ULOG MARK CONNMARK CLASSIFY CHECKSUM TRACE SET TCPMSS TTL DSCP TOS AUDIT CT NOTRACK".split()  # noqa: SIM905
)
_DROPS: Final = ("DROP", "REJECT")
_KNOWN_MODULES: Final = frozenset(
    "addrtype comment conntrack icmp mark multiport pkttype state tcp udp".split()  # noqa: SIM905
)
_PROTOCOLS: Final = {"1": "icmp", "6": "tcp", "17": "udp"}
_FLAGS_OF_A_FIRST_PACKET: Final = frozenset({"SYN"})
_DEEPEST: Final = 20  # jumps; iptables itself refuses loops


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
        firsts = (min((at for at in group if self.addresses[at] != own), default=-1) for group in groups)
        return [self.addresses[at] for at in sorted(firsts) if at >= 0]


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
    """The chains of the filter table by name, each with its rules in order (without `-A CHAIN`)."""

    chains: Mapping[str, Iterable[str]]
    _rules: dict[str, list[Rule]] = field(init=False)
    _sources: set[tuple[str, ...]] = field(init=False)
    """What the rules ask a packet's source for."""

    def __post_init__(self) -> None:
        self._rules = {name: [rule(text) for text in texts] for name, texts in self.chains.items()}
        matches = (match for rules in self._rules.values() for r in rules for match in r.matches)
        self._sources = {values for option, values, _ in matches if option in ("-s", "--source")}

    @property
    def unknown_chains(self) -> list[str]:
        """Chains that rules jump to, that are not among `chains` and do not belong to the cluster's own software."""
        targets = {r.target for rules in self._rules.values() for r in rules if r.target}
        known = {*self._rules, *_GO_ON, *_DROPS, "ACCEPT", "RETURN", "NFQUEUE", "QUEUE"}
        return sorted(name for name in targets - known if not OF_THE_CLUSTER.fullmatch(name))

    @property
    def cuts(self) -> set[int]:
        """Where a network that a rule asks the source for begins, and the address behind it: numbers of addresses."""
        found: set[int] = set()
        for values in self._sources:
            with suppress(ValueError):  # what is no network holds for all addresses, or for none
                network = ipaddress.ip_network("".join(values[:1]), strict=False)
                found |= {int(network.network_address), int(network.broadcast_address) + 1}
        return found

    def fate(self, packets: Iterable[Packet], chain: str = "INPUT") -> Fate:
        """What the rules of a chain do with packets; its policy is not asked."""
        dropped, doubts = dict[str, None](), dict[str, None]()
        for packet in self._representatives(packets):
            doubtful: list[str] = []
            end = self._walk(chain, packet, doubtful, 0)
            if end not in ("ACCEPT", ""):
                dropped[end] = None
            doubts |= dict.fromkeys(doubtful)
        return Fate(tuple(dropped), tuple(doubts))

    def _representatives(self, packets: Iterable[Packet]) -> Iterable[Packet]:
        """One of all packets that differ only in a source that no rule tells apart."""
        chosen: dict[object, Packet] = {}
        for packet in packets:
            told_apart = tuple(_in_network(packet.source, *values[:1]) for values in self._sources)
            key = told_apart, packet.destination, packet.interface, packet.protocol, packet.port
            chosen.setdefault(key, packet)
        return chosen.values()

    def _walk(self, chain: str, packet: Packet, doubts: list[str], depth: int) -> str:
        """ACCEPT, the text of the rule that drops the packet, or nothing for the end of the chain."""
        for found in self._rules[chain]:
            holds = found.holds(packet)
            if holds is False or not found.target or found.target in _GO_ON:
                continue
            if found.target in ("ACCEPT", "RETURN"):
                if holds:
                    return "ACCEPT" if found.target == "ACCEPT" else ""
            elif found.target in _DROPS:
                if holds:
                    return found.text
                doubts.append(found.text)
            elif found.target not in self._rules or depth > _DEEPEST:
                doubts += [] if OF_THE_CLUSTER.fullmatch(found.target) else [found.text]
            else:
                inner: list[str] = []
                end = self._walk(found.target, packet, inner, depth + 1)
                if holds:
                    doubts += inner
                    if end or found.is_goto:
                        return end
                elif inner or end not in ("ACCEPT", ""):
                    doubts.append(found.text)
        return ""


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
        if word in ("-j", "-g", "--jump", "--goto"):
            return Rule(text, tuple(matches), words[0] if words else "", word in ("-g", "--goto"))
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
    if option in ("-m", "--match"):
        return True if values and values[0] in _KNOWN_MODULES else None
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


def _ports(packet: Packet, listed: str) -> Holds:
    ranges = [part.partition(":") for part in listed.split(",")]
    return any(int(low or 0) <= packet.port <= int(high or (65535 if colon else low)) for low, colon, high in ranges)


def _mark(value: str) -> bool:
    """Whether a packet without a mark has this one: `0x8000/0x8000` asks for a bit that is not set."""
    return int(value.partition("/")[0], 0) == 0


_OPTIONS: Final[dict[str, Callable[..., Holds]]] = {
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
