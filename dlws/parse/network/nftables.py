"""nft: base chains that packets go through, to the host or past it, and the rules in them that drop packets.

iptables shows nothing of tables that were made by nft itself (nftables 1.0.6 with iptables 1.8.9: a chain with the
policy drop in `inet filter` or `ip filter`, and `iptables -S INPUT` prints `-P INPUT ACCEPT`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dlws.parse.network.packet_filter import OF_THE_CLUSTER
from dlws.parse.text import lines, unparsable

_TABLE: Final = re.compile(r"table (?P<family>\S+) (?P<name>\S+) \{")
_CHAIN: Final = re.compile(r"chain (?P<name>\S+) \{")
_MAP: Final = re.compile(r"map (?P<name>\S+) \{")
_BASE: Final = re.compile(r"type (?:filter|route) hook (?P<hook>\S+) [^;]+;(?: *policy (?P<policy>drop);)?")
INCOMING: Final = frozenset({"input", "prerouting", "ingress"})
"""The hooks that packets to the host pass."""
FAMILIES: Final = ("ip", "inet", "netdev", "bridge")
"""Those whose chains IPv4 packets go through, between the pods of a host by its bridge; ebtables-nft makes the last."""
PASSING: Final = frozenset({"forward", "output", "postrouting", "egress"})
"""The further hooks that packets to and from pods pass; egress from Linux 5.16 on."""
OF_IPTABLES: Final = frozenset(
    (table, chain)
    for table, chains in {
        "filter": ("INPUT", "FORWARD", "OUTPUT"),
        "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
        "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
        "raw": ("PREROUTING", "OUTPUT"),
        "security": ("INPUT", "FORWARD", "OUTPUT"),
    }.items()
    for chain in chains
)
"""iptables' own tables and their chains (iptables(8)), which iptables shows where its back end is nf_tables. A chain
INPUT in a table of any other name it never shows."""
_OF_THE_CLUSTER: Final = re.compile(
    r"kube-proxy|calico|cilium|weave|flannel(?:-ipv[46])?|f2b-table|docker-bridges|libvirt_network"
)
"""Tables of kube-proxy, pod networks, Docker, fail2ban and libvirt. A site's own `docker_firewall` is none."""
_QUOTED: Final = re.compile(r'"[^"]*"')
"""A comment, or the prefix of a line of the log, which decides nothing."""
_PLAIN: Final = r"(?:(?:counter(?: packets [0-9]+ bytes [0-9]+)?|log(?: (?:prefix|level|group) \S+)*) )*"
_DROPS: Final = re.compile(rf"{_PLAIN}(?:drop|reject)")
_ACCEPTS: Final = re.compile(rf"{_PLAIN}accept")
_INVALID: Final = re.compile(
    rf"ct state (?:invalid|vmap \{{ (?:(?:established|related) : accept, )*invalid : drop"
    rf"(?:, (?:established|related) : accept)* \}}|invalid {_PLAIN})(?: .*)?"
)
_MAY_DROP: Final = re.compile(r"\b(?:drop|reject|queue)\b|\bvmap @")
_NAMED_MAP: Final = re.compile(r"(?<=vmap )@(?P<name>\S+)")
_JUMP: Final = re.compile(r"(?:jump|goto) (?P<chain>[^\s,}]+)")


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A base chain: `str` of it is `inet filter input`."""

    family: str
    table: str
    name: str
    policy: str

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


def base_chains(
    text: str, hooks: frozenset[str], shown: Collection[tuple[str, str]] = OF_IPTABLES
) -> tuple[BaseChain, ...]:
    """`nft list chains` or `list ruleset`: the base chains of these hooks that iptables does not show.

    `shown` are the tables and chains of family ip that it does. Those of the cluster's own software are left out; empty
    where there is none.
    """
    found: list[BaseChain] = []
    family = table = chain = ""
    for line in (line.strip() for line in lines("nft list chains", text)):
        if row := _TABLE.match(line):
            family, table = row["family"], row["name"]
        elif row := _CHAIN.match(line):
            chain = row["name"]
        elif (row := _BASE.match(line)) and row["hook"] in hooks and family in FAMILIES:
            found.append(BaseChain(family, table, chain, row["policy"] or "accept"))
        elif not family and not line.startswith("#"):
            raise unparsable("nft list chains", line)
    of_iptables = {chain for chain in found if chain.family == "ip" and (chain.table, chain.name) in shown}
    return tuple(c for c in found if c not in of_iptables and not _OF_THE_CLUSTER.fullmatch(c.table))


def closing(text: str, base: BaseChain) -> tuple[list[str], list[str]]:
    """`nft list table`: the rules by which a base chain drops every packet, and those by which it may drop some.

    A map of verdicts counts as if it stood in the rule that asks it. Chains of the cluster's own software, which a
    container with another back end of iptables may have made, keep nothing out.
    """
    rules = _rules(text)
    if base.name not in rules:
        raise unparsable("nft list table", str(base), "no chain")
    closed: list[str] = []
    doubts: list[str] = []
    todo, seen = [base.name], {base.name}
    while todo:
        chain = todo.pop(0)
        for rule in rules.get(chain, ()):
            bare = _QUOTED.sub('""', rule)
            if _ACCEPTS.match(bare):
                break
            if _DROPS.match(bare):
                (closed if chain == base.name else doubts).append(rule)
                break
            jumps = {row["chain"] for row in _JUMP.finditer(bare) if not OF_THE_CLUSTER.fullmatch(row["chain"])}
            todo += sorted(jumps - seen)
            seen |= jumps
            doubts += [rule] if _MAY_DROP.search(bare) and not _INVALID.fullmatch(bare) else []
    return closed, doubts


def accepts_some(text: str, base: BaseChain) -> bool:
    """`nft list table`: whether a base chain has a rule that accepts packets, or one that leads to another chain."""
    return any(
        re.search(r"\b(?:accept|jump|goto)\b", _QUOTED.sub('""', rule)) for rule in _rules(text).get(base.name, ())
    )


def _rules(text: str) -> dict[str, list[str]]:
    """The rules by chain, with what the table's maps say in the place of their names; sets are passed over."""
    rules: dict[str, list[str]] = {}
    maps: dict[str, list[str]] = {}
    block: list[str] = []
    for line in (line.strip() for line in lines("nft list table", text)):
        if row := _CHAIN.match(line):
            block = rules[row["name"]] = []
        elif row := _MAP.match(line):
            block = maps[row["name"]] = []
        elif line == "}":
            block = []
        elif not line.startswith(("type ", "#")):
            block.append(line)

    def told(named: re.Match[str]) -> str:
        return " ".join(maps.get(named["name"], (named[0],)))

    return {chain: [_NAMED_MAP.sub(told, rule) for rule in those] for chain, those in rules.items()}
