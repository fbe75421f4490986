"""ufw and iptables: whether a firewall is active on the host (runbook 2.1: off)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dlws.parse.text import lines, lines_from, unparsable


class Ufw(Enum):
    """The state shown by `ufw status`. MISSING: ufw is not installed."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    MISSING = "missing"


# The Chinese words are from ufw's own zh_CN catalogue (0.35 to 0.36.2).
_STATUS = re.compile(r"(?:Status:|状态[：:])\s*(active|inactive|激活|不活动)")
_STATES = {"active": Ufw.ACTIVE, "激活": Ufw.ACTIVE, "inactive": Ufw.INACTIVE, "不活动": Ufw.INACTIVE}
_NOT_FOUND = re.compile(r"\bufw: (?:command )?not found$|ufw[：:] ?未找到命令$")


def ufw_status(text: str) -> Ufw:
    """`ufw status`, or the shell's message that there is no such command."""
    output = lines("ufw status", text)
    for line in output:
        status = _STATUS.fullmatch(line)
        if status is not None:
            return _STATES[status[1]]
    if len(output) == 1 and _NOT_FOUND.search(output[0]):
        return Ufw.MISSING
    raise unparsable("ufw status", output[0] if output else "")


def is_nf_tables(version: str) -> bool:
    """`iptables --version`: whether its back end is nf_tables, so that it shows tables that nft shows too.

    Before 1.8 there is no other than the legacy one, and it names none.
    """
    known = re.fullmatch(r"iptables v[0-9.]+(?: \((legacy|nf_tables)\))?", version.strip())
    if known is None:
        raise unparsable("iptables --version", version)
    return known[1] == "nf_tables"


@dataclass(frozen=True, slots=True)
class Chain:
    """One built-in chain: its policy and the arguments of its rules, in order.

    `elsewhere`: iptables warns that the other back end (legacy or nf_tables) has rules that it does not show.
    """

    name: str
    policy: str
    rules: tuple[str, ...]
    elsewhere: bool


def iptables_chain(text: str) -> Chain:
    """`iptables -S CHAIN` of a built-in chain: `-P CHAIN POLICY`, then `-A CHAIN ...` lines."""
    source = "iptables -S"
    warnings = [line for line in lines(source, text) if line.startswith("# Warning: iptables")]
    policy, *rest = (line for line in lines_from(source, text, re.compile("-P ")) if line not in warnings)
    head = re.fullmatch(r"-P (\S+) (ACCEPT|DROP|QUEUE)", policy)
    if head is None:
        raise unparsable(source, policy)
    rules = []
    for line in rest:
        name, _, rule = line.removeprefix("-A ").partition(" ")
        if not line.startswith("-A ") or name != head[1] or not rule:
            raise unparsable(source, line)
        rules.append(rule)
    return Chain(head[1], head[2], tuple(rules), elsewhere=bool(warnings))


def iptables_chains(text: str) -> dict[str, tuple[str, ...]]:
    """`iptables -S`: the rules of every chain of the table by the chain's name."""
    source = "iptables -S"
    chains: dict[str, list[str]] = {}
    for line in lines_from(source, text, re.compile("-P ")):
        option, _, rest = line.partition(" ")
        name, _, rule = rest.partition(" ")
        if option in ("-P", "-N") and name:
            chains[name] = []
        elif option == "-A" and name in chains and rule:
            chains[name].append(rule)
        elif not line.startswith("#"):
            raise unparsable(source, line)
    return {name: tuple(rules) for name, rules in chains.items()}
