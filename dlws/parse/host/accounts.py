"""Users and groups: `getent passwd`, `getent group`, `passwd -S` (runbook 3.6)."""

from __future__ import annotations

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
