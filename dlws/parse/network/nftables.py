"""nft: base chains that packets go through, to the host or past it, and the rules in them that drop packets.

iptables shows nothing of tables that were made by nft itself (nftables 1.0.6 with iptables 1.8.9: a chain with the
policy drop in `inet filter` or `ip filter`, and `iptables -S INPUT` prints `-P INPUT ACCEPT`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dlws.parse.text import lines, unparsable

_TABLE: Final = re.compile(r"table (?P<family>\S+) (?P<name>\S+) \{")
_CHAIN: Final = re.compile(r"chain (?P<name>\S+) \{")
_BASE: Final = re.compile(r"type (?:filter|route) hook (?P<hook>\S+) [^;]+;(?: *policy (?P<policy>drop);)?")
INCOMING: Final = frozenset({"input", "prerouting", "ingress"})
"""The hooks that packets to the host pass."""
PASSING: Final = frozenset({"forward", "output", "postrouting"})
"""The further hooks that packets to and from pods pass."""
_BUILT_IN: Final = frozenset({"INPUT", "PREROUTING", "FORWARD", "OUTPUT", "POSTROUTING"})
_OF_IPTABLES: Final = frozenset({"filter", "nat", "mangle", "raw", "security"})
"""The chains of iptables, in its own tables of the family ip, which it shows: a chain INPUT in another table is not."""
_OF_THE_CLUSTER: Final = re.compile(
    r"kube-proxy|calico|cilium|weave|flannel(?:-ipv[46])?|f2b-table|docker-bridges|libvirt_network"
)
"""Tables of kube-proxy, pod networks, Docker, libvirt and fail2ban, by the names that these give them."""
_QUOTED: Final = re.compile(r'"[^"]*"')
"""A comment, or the prefix of a line of the log, which decides nothing."""
_PLAIN: Final = r"(?:(?:counter(?: packets [0-9]+ bytes [0-9]+)?|log(?: (?:prefix|level|group) \S+)*) )*"
_DROPS: Final = re.compile(rf"{_PLAIN}(?:drop|reject)")
_ACCEPTS: Final = re.compile(rf"{_PLAIN}accept")
_INVALID: Final = re.compile(
    rf"ct state (?:invalid|vmap \{{ (?:(?:established|related) : accept, )*invalid : drop"
    rf"(?:, (?:established|related) : accept)* \}}|invalid {_PLAIN})(?: .*)?"
)
_MAY_DROP: Final = re.compile(r"\b(?:drop|reject|queue)\b")
_JUMP: Final = re.compile(r"(?:jump|goto) (?P<chain>[^\s,}]+)")


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A base chain: `str` of it is `inet filter input`."""

    family: str
    table: str
    name: str
    policy: str

    @property
    def is_of_iptables(self) -> bool:
        """Whether iptables shows it."""
        return self.family == "ip" and self.table in _OF_IPTABLES and self.name in _BUILT_IN

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


def base_chains(text: str, hooks: frozenset[str]) -> tuple[BaseChain, ...]:
    """`nft list chains` or `list ruleset`: the base chains of these hooks that iptables does not show.

    Those of the cluster's own software are left out; empty where there is none.
    """
    found: list[BaseChain] = []
    family = table = chain = ""
    for line in (line.strip() for line in lines("nft list chains", text)):
        if row := _TABLE.match(line):
            family, table = row["family"], row["name"]
        elif row := _CHAIN.match(line):
            chain = row["name"]
        elif (row := _BASE.match(line)) and row["hook"] in hooks and family in ("ip", "inet", "netdev"):
            found.append(BaseChain(family, table, chain, row["policy"] or "accept"))
        elif not family and not line.startswith("#"):
            raise unparsable("nft list chains", line)
    return tuple(c for c in found if not c.is_of_iptables and not _OF_THE_CLUSTER.fullmatch(c.table))


def closing(text: str, base: BaseChain) -> tuple[list[str], list[str]]:
    """`nft list table`: the rules by which a base chain drops every packet, and those by which it may drop some."""
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
            jumps = {row["chain"] for row in _JUMP.finditer(bare)}
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
    """The rules by chain; what else is in a table (sets, maps) is passed over."""
    rules: dict[str, list[str]] = {}
    chain = ""
    for line in (line.strip() for line in lines("nft list table", text)):
        if row := _CHAIN.match(line):
            chain = row["name"]
            rules[chain] = []
        elif line == "}":
            chain = ""
        elif chain and not line.startswith(("type ", "#")):
            rules[chain].append(line)
    return rules
