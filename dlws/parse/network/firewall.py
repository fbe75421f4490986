"""ufw and iptables: whether a firewall stands before the host (runbook 2.1: off)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dlws.parse.text import lines, lines_from, unparsable


class Ufw(Enum):
    """What `ufw status` says. MISSING: the command is not there, so ufw guards nothing."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    MISSING = "missing"


# The Chinese words are those of ufw's own zh_CN catalogue (0.35 to 0.36.2).
_STATUS = re.compile(r"^(?:Status:|状态[：:])\s*(active|inactive|激活|不活动)$")
_STATES = {"active": Ufw.ACTIVE, "激活": Ufw.ACTIVE, "inactive": Ufw.INACTIVE, "不活动": Ufw.INACTIVE}
_NOT_FOUND = re.compile(r"\bufw: (?:command )?not found$|ufw[：:] ?未找到命令$")


def ufw_status(text: str) -> Ufw:
    """`ufw status`, or the shell's message that there is no such command."""
    found = lines("ufw status", text)
    for line in found:
        status = _STATUS.match(line)
        if status is not None:
            return _STATES[status[1]]
    if len(found) == 1 and _NOT_FOUND.search(found[0]):
        return Ufw.MISSING
    raise unparsable("ufw status", found[0] if found else "")


# A rule without a match decides on every packet that comes to it. A comment is no match.
_DECIDES = re.compile(r'(?:-m comment --comment (?:"(?:[^"\\]|\\.)*"|[^"\s]\S*) )?-j (ACCEPT|DROP|REJECT)(?: .*)?')


@dataclass(frozen=True, slots=True)
class Chain:
    """One built-in chain: its policy and the arguments of its rules, in order.

    `elsewhere` is True when iptables warns that the other back end (legacy or nf_tables) holds rules it does not show.
    """

    name: str
    policy: str
    rules: tuple[str, ...]
    elsewhere: bool

    @property
    def closing_rule(self) -> str:
        """The rule that drops or rejects whatever packet comes to it; "" where there is none, or none comes to it."""
        deciding = next((row for rule in self.rules if (row := _DECIDES.fullmatch(rule))), None)
        return deciding[0] if deciding and deciding[1] != "ACCEPT" else ""


def iptables_chain(text: str) -> Chain:
    """`iptables -S CHAIN` of a built-in chain: `-P CHAIN POLICY`, then `-A CHAIN ...` lines."""
    source = "iptables -S"
    noted = [line for line in lines(source, text) if line.startswith("# Warning: iptables")]
    policy, *rest = (line for line in lines_from(source, text, re.compile("^-P ")) if line not in noted)
    head = re.fullmatch(r"-P (\S+) (ACCEPT|DROP|QUEUE)", policy)
    if head is None:
        raise unparsable(source, policy)
    rules = []
    for line in rest:
        name, _, rule = line.removeprefix("-A ").partition(" ")
        if not line.startswith("-A ") or name != head[1] or not rule:
            raise unparsable(source, line)
        rules.append(rule)
    return Chain(head[1], head[2], tuple(rules), elsewhere=bool(noted))
