"""`ebtables -L` of the legacy back end: rules for the frames that a bridge passes on, which nft does not show.

Its form is that of ebtables 2.0.10 (useful_functions.c and ebtables.c, `list_em`), ebtables-legacy of later releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "ebtables -L"
_TABLE: Final = re.compile(r"Bridge table: (?P<name>\w+)")
_CHAIN: Final = re.compile(r"Bridge chain: (?P<name>\S+), entries: [0-9]{1,9}, policy: (?P<policy>[A-Z]+)")
_TEXT: Final = re.compile(r'"[^"]*"')
_WATCHERS: Final = ("--log-", "--nflog-", "--ulog-")
"""What writes a frame to a log, and matches every one: `--log-level notice --log-prefix "" --log-ip`."""
_OF_OTHERS: Final = (["-p", "IPv6"], ["-p", "LENGTH"], ["-p", "0x86DD"], ["-p", "0x86dd"])
"""Frames that carry neither IPv4 nor what asks for its addresses."""
_BASES: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_OF_THE_CLUSTER: Final = re.compile(r"KUBE-\S+|libvirt-\S+")
"""Chains of kubenet, which keeps frames from coming twice, and of libvirt, for its machines."""
_MEANING: Final = {"arpreply": "CONTINUE", "redirect": "ACCEPT"}
"""Targets that say nothing more where they do the usual: the former answers a question itself."""
_VERDICTS: Final = frozenset(("ACCEPT", "DROP", "CONTINUE", "RETURN"))


@dataclass(slots=True)
class _Chain:
    policy: str
    rules: list[str] = field(default_factory=list)


_Chains = dict[str, _Chain]


@dataclass(slots=True)
class _Place:
    """Where the reading of a chain stands. `chosen`: the rule that led to it chooses among the frames; `by_all`: none
    on the whole way did."""

    chain: str
    rest: Iterator[str]
    chosen: bool
    by_all: bool


def drops(text: str) -> tuple[list[str], list[str]]:
    """The policies and rules by which every frame is dropped, and those by which some may be; none for no table.

    A rule or policy drops what none before it accepts: with rules that accept, that may be nothing.
    """
    closed: dict[str, None] = {}
    doubts: dict[str, None] = {}
    for table, chains in _tables(text).items():
        for base in (each for each in _BASES if each in chains):
            for rule, drops_all in _dropping(chains, base):
                (closed if drops_all else doubts)[f"ebtables {table} {base}: {rule}"] = None
    return [*closed], [rule for rule in doubts if rule not in closed]


def _dropping(chains: _Chains, base: str) -> Iterator[tuple[str, bool]]:
    """What drops among the rules of a chain and of those to which they lead, and whether it drops every frame.

    Each chain is read twice at most, first for some and then for all frames: a host may say that every one of them
    leads twice to the next.
    """
    places = [_Place(base, iter(chains[base].rules), chosen=False, by_all=True)]
    by_all: dict[str, bool] = {}
    some_pass = False
    while places:
        place = places[-1]
        rule = next(place.rest, None)
        target, chooses = _target(rule) if rule is not None else (chains[place.chain].policy, False)
        if target in chains:
            policy, of_all = chains[target].policy, place.by_all and not chooses
            is_news = of_all > by_all[target] if target in by_all else True
            if is_news and not _OF_THE_CLUSTER.fullmatch(target):
                by_all[target] = of_all
                places.append(_Place(target, iter(chains[target].rules), chooses, of_all))
                continue
            target = "ACCEPT" if policy == "ACCEPT" else "CONTINUE"
        if target not in _VERDICTS:
            raise unparsable(SOURCE, rule or target)
        if target == "DROP":
            yield rule or f"policy DROP of {place.chain}", place.by_all and not chooses and not some_pass
        some_pass = some_pass or target == "ACCEPT"
        if rule is not None and (chooses or target == "CONTINUE"):
            continue
        left = places.pop()
        while target in ("ACCEPT", "DROP") and places and not left.chosen:
            left = places.pop()  # nothing that came this way comes back


def _target(rule: str) -> tuple[str, bool]:
    """What becomes of the frames that a rule is for, and whether these are some alone: `("DROP", True)`."""
    words = _TEXT.sub("text", rule).split()
    at = words.index("-j") if "-j" in words else len(words)
    if at + 1 >= len(words):
        raise unparsable(SOURCE, rule)
    if words[:2] in _OF_OTHERS:
        return "CONTINUE", True
    named = _MEANING.get(words[at + 1], words[at + 1])
    then = [value for option, value in pairwise(words[at:]) if re.fullmatch(r"--[a-z]{1,20}-target", option)]
    options = [word for word in words[:at] if word.startswith("-")]
    return next(iter(then), named), any(not option.startswith(_WATCHERS) for option in options)


def _tables(text: str) -> dict[str, _Chains]:
    """By name the chains of each table."""
    tables: dict[str, _Chains] = {}
    chains: _Chains = {}
    chain: _Chain | None = None
    for line in (line.strip() for line in lines(SOURCE, text)):
        if title := _TABLE.fullmatch(line):
            chains = tables.setdefault(title["name"], {})
            chain = None
        elif (row := _CHAIN.fullmatch(line)) and tables:
            chain = chains[row["name"]] = _Chain(row["policy"])
        elif chain is not None and line.startswith("-"):
            chain.rules.append(line)
        else:
            raise unparsable(SOURCE, line)
    if not all(tables.values()):
        raise unparsable(SOURCE, text.strip().splitlines()[-1], "no chain")
    return tables
