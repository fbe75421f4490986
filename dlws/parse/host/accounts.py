"""Users and groups: `getent passwd`, `getent group`, `id` (runbook 3.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, number, only_line, unparsable


@dataclass(frozen=True, slots=True)
class User:
    """One line of passwd(5). The password field is never kept."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class Group:
    """One line of group(5); `members` are the users who have it as a supplementary group."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """The output of `id USER`. `groups` maps each name (or the number, if it has no name) to the gid."""

    name: str
    uid: int
    gid: int
    groups: dict[str, int]


def passwd(text: str) -> tuple[User, ...]:
    """`getent passwd [USER]` or /etc/passwd; empty if the user does not exist (exit status 2)."""
    users = []
    for line in lines("passwd", text):
        fields = line.split(":")
        if len(fields) != 7 or not fields[0]:
            raise unparsable("passwd", fields[0], "not a passwd line")
        users.append(User(fields[0], number("passwd", fields[2]), number("passwd", fields[3]), fields[5], fields[6]))
    return tuple(users)


_PASSWORDS = {"L": "locked", "LK": "locked", "P": "usable", "PS": "usable", "NP": "none"}


def password(text: str) -> str:
    """`passwd -S USER`: `locked` (L), `usable` (P), or `none` (NP: login without a password)."""
    line = only_line("passwd -S", text)
    _, state, *_ = [*line.split(), ""]
    if state not in _PASSWORDS:
        raise unparsable("passwd -S", line)
    return _PASSWORDS[state]


def group(text: str) -> tuple[Group, ...]:
    """`getent group [GROUP]` or /etc/group; empty if the group does not exist (exit status 2)."""
    groups = []
    for line in lines("group", text):
        fields = line.split(":")
        if len(fields) != 4 or not fields[0]:
            raise unparsable("group", fields[0], "not a group line")
        members = tuple(name for name in fields[3].split(",") if name)
        groups.append(Group(fields[0], number("group", fields[2]), members))
    return tuple(groups)


_MEMBER = r"[0-9]{1,10}(?:\([^()]*\))?"
# The last keyword is translated: "groups", "组".
_ID = re.compile(
    rf"uid=(?P<user>{_MEMBER}) gid=(?P<group>{_MEMBER})(?: euid={_MEMBER})?(?: egid={_MEMBER})?"
    rf" [^\s=]+=(?P<groups>{_MEMBER}(?:,{_MEMBER})*)(?: context=\S+)?"
)


def identity(text: str) -> Identity:
    """`id USER`: the user and its groups, with numbers and names."""
    line = only_line("id", text)
    match = _ID.fullmatch(line)
    if match is None:
        raise unparsable("id", line)
    uid, name = _member(match["user"])
    gid, _ = _member(match["group"])
    members = (_member(member) for member in re.findall(_MEMBER, match["groups"]))
    return Identity(name, uid, gid, {name: number for number, name in members})


def _member(text: str) -> tuple[int, str]:
    digits, _, name = text.partition("(")
    return int(digits), name.rstrip(")") or digits
