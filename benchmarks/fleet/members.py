"""The hosts of a fleet: the recorded ones, and copies of the workers with names, addresses and serials of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice

from dlws.inventory import Node, Role

_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_MACHINE_ID = re.compile(r"\A[0-9a-f]{32}\b")
_SSH_KEY = re.compile(r"(?<=[A-Za-z0-9+/]{40})[A-Za-z0-9+/]{8}(?=(=|\s))")


@dataclass(frozen=True, slots=True)
class Member:
    """One host of the fleet. `copy` is 0 for a recorded host itself."""

    name: str
    address: str
    original: Node
    copy: int


def members(nodes: Iterable[Node], count: int) -> list[Member]:
    """A fleet of `count` hosts, at least the recorded ones: each once, then copies of the workers in turn.

    Addresses are on the loopback network, 127.1.x.y.
    """
    originals = sorted(nodes, key=lambda node: node.role is not Role.INFRASTRUCTURE)
    workers = [node for node in originals if node.role is Role.WORKER]
    chosen = [*originals, *islice(cycle(workers), max(0, count - len(originals)))]
    seen: dict[str, int] = {}
    found = []
    for n, node in enumerate(chosen):
        copy = seen[node.name] = seen.get(node.name, -1) + 1
        name = f"{node.name}-{copy}" if copy else node.name
        found.append(Member(name, f"127.1.{n // 250}.{n % 250 + 1}", node, copy))
    return found


class Names:
    """Translates between the recorded hosts' names and addresses and the fleet's."""

    def __init__(self, fleet: list[Member]) -> None:
        self.fleet = fleet
        self.by_name = {member.name: member for member in fleet}
        self._first = {member.original.name: member for member in fleet if not member.copy}
        self._hosts_lines: dict[str, str] = {}
        self._by_word = {word: member for member in fleet for word in (member.name, member.address)}

    @cached_property
    def _recorded(self) -> re.Pattern[str]:
        words = [word for member in self._first.values() for word in (member.original.name, member.original.address)]
        return re.compile(_either(words))

    @cached_property
    def _theirs(self) -> re.Pattern[str]:
        names = r"|".join(rf"{re.escape(name)}(?:-[0-9]+)?" for name in sorted(self._first, reverse=True))
        return re.compile(rf"(?:(?<=%22)|(?<![\w.-]))(?:{names}|127\.1\.[0-9]+\.[0-9]+)(?![\w-])")

    def of(self, text: str, member: Member) -> str:
        """A recorded text in which the original of `member` is the member, and each other recorded host is itself."""
        owners = {**self._first, member.original.name: member}
        words = {owner.original.name: owner.name for owner in owners.values()}
        words |= {owner.original.address: owner.address for owner in owners.values()}

        def translated(match: re.Match[str]) -> str:
            before = text[max(0, match.start() - 3) : match.start()]
            inside = before[-1:].isalnum() or before[-1:] == "."
            return match[0] if inside and before != "%22" else words[match[0]]

        return unique(self._recorded.sub(translated, text), member)

    def lines_by_original(self, text: str) -> dict[str, str]:
        """By name of a recorded host the line of a hosts file that gives its address."""
        lines = {line.split()[0]: line for line in text.splitlines(keepends=True) if line.split()}
        originals = (member.original for member in self._first.values())
        return {node.name: lines[node.address] for node in originals if node.address in lines}

    def hosts_lines(self, text: str) -> str:
        """The lines of a recorded hosts file about hosts, one for each host of the fleet."""
        if text not in self._hosts_lines:
            about = self.lines_by_original(text)
            mine = [self.of(about[m.original.name], m) for m in self.fleet if m.original.name in about]
            self._hosts_lines[text] = "".join(mine)
        return self._hosts_lines[text]

    def recorded(self, text: str) -> str:
        """A text of the fleet with each host replaced by its original."""

        def translated(match: re.Match[str]) -> str:
            member = self._by_word.get(match[0])
            if member is None:
                return match[0]
            return member.original.name if match[0] == member.name else member.original.address

        return self._theirs.sub(translated, text)

    def named_in(self, text: str) -> Member | None:
        """The first host of the fleet that a text names."""
        match = self._theirs.search(text)
        return self._by_word.get(match[0]) if match else None


def unique(text: str, member: Member) -> str:
    """The text with the serials that belong to one host alone changed: MAC addresses, UUIDs, machine ID, SSH keys."""
    if not member.copy:
        return text
    text = _MAC.sub(lambda m: ":".join(re.findall("..", "02" + _digest(member, m[0])[:10])), text)
    text = _UUID.sub(lambda m: "-".join(_digest(member, m[0])[a:b] for a, b in _UUID_PARTS), text)
    text = _MACHINE_ID.sub(lambda m: _digest(member, m[0])[:32], text)
    return _SSH_KEY.sub(lambda m: _digest(member, m[0])[:8], text) if text.startswith("ssh-") else text


_UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def _digest(member: Member, text: str) -> str:
    return hashlib.sha256(f"{member.name} {text}".encode()).hexdigest()


def _either(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return rf"(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])"
