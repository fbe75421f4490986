"""`ebtables -L` of the legacy back end: rules for the frames that a bridge passes on, which nft does not show.

Its form is that of ebtables 2.0.10 (useful_functions.c and ebtables.c, `list_em`), ebtables-legacy of later releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "ebtables -L"
_TABLE: Final = re.compile(r"Bridge table: \w+")
_CHAIN: Final = re.compile(r"Bridge chain: (?P<name>\S+), entries: [0-9]{1,9}, policy: (?P<policy>[A-Z]+)")
_TARGET: Final = re.compile(r"-j (?P<target>\S+)")
_BASES: Final = ("INPUT", "FORWARD", "OUTPUT")
_OF_THE_CLUSTER: Final = re.compile(r"KUBE-\S+|libvirt-\S+")
"""Chains of kubenet, which keeps frames from coming twice, and of libvirt, for its machines."""


def drops(text: str) -> tuple[list[str], list[str]]:
    """The policies and rules by which every frame is dropped, and those by which some may be; none for no table.

    A policy drops what no rule accepts: with rules that accept, that may be nothing.
    """
    chains = _chains(text)
    closed: list[str] = []
    doubts: list[str] = []
    for name in (each for each in _BASES if each in chains):
        policy, rules = chains[name]
        for rule in _reached(chains, rules, {name}):
            (closed if rule in rules and rule.startswith("-j DROP") else doubts).append(f"ebtables {name}: {rule}")
        if policy == "DROP":
            accepts = any(not re.search(r"-j (?:DROP|CONTINUE)\b", rule) for rule in rules)
            (doubts if accepts else closed).append(f"ebtables {name} policy DROP")
    return closed, doubts


def _reached(chains: dict[str, tuple[str, list[str]]], rules: list[str], seen: set[str]) -> Iterator[str]:
    """The rules that drop among these, up to one that accepts everything, and in the chains to which they lead.

    Each chain is read once: a host may say that every one of them leads twice to the next.
    """
    for rule in rules:
        target = _TARGET.search(rule)
        name = target["target"] if target else ""
        if rule.startswith("-j ACCEPT"):
            return
        if name == "DROP":
            yield rule
        elif name in chains and name not in seen and not _OF_THE_CLUSTER.fullmatch(name):
            seen.add(name)
            yield from _reached(chains, chains[name][1], seen)


def _chains(text: str) -> dict[str, tuple[str, list[str]]]:
    """By name the policy and the rules of each chain."""
    chains: dict[str, tuple[str, list[str]]] = {}
    rules: list[str] | None = None
    for line in (line.strip() for line in lines(SOURCE, text)):
        if row := _CHAIN.fullmatch(line):
            rules = []
            chains[row["name"]] = (row["policy"], rules)
        elif rules is not None and line.startswith("-"):
            rules.append(line)
        elif not _TABLE.fullmatch(line):
            raise unparsable(SOURCE, line)
    if text.strip() and not chains:
        raise unparsable(SOURCE, text.strip().splitlines()[-1], "no chain")
    return chains
