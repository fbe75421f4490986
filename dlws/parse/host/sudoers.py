"""`sudo -n -l -U USER`: what the user may run, and whether with a password (runbook 3.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dlws.parse.text import lines, unparsable

SOURCE = "sudo -l -U"
_GRANTED = re.compile(r"User \S+ may run the following commands on \S+:|用户 \S+ 可以在 \S+ 上运行以下命令：")
_REFUSED = re.compile(r"User \S+ is not allowed to run sudo on \S+\.|用户 \S+ 无权在 \S+ 上运行 sudo。")
_RULE = re.compile(r" {4}\(([^()]{1,400})\) ((?:[A-Z_]{1,20}: )*)(\S.*)")
_ITEMS = re.compile(r"(?<!\\), ")
_OPTION = re.compile(r"(?P<name>[A-Z_]{1,20})=\S+ +|(?P<tag>[A-Z_]{1,20}): *")
_PERIOD = ("NOTBEFORE", "NOTAFTER")
_RUNAS_DEFAULTS = re.compile(r"^ +Defaults>(?P<users>\S+(?:, ?\S+)*?) +(?P<settings>\S.*)", re.MULTILINE)


class Item(NamedTuple):
    """One command of a rule, `ALL` or as sudo prints it; whether `!` takes it away, and whether sudo asks for it.

    `tags` are the others in force for it, EXEC, NOEXEC, SETENV and NOSETENV: each holds until its opposite.
    """

    command: str
    is_excepted: bool
    asks: bool
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `runas` (`ALL`, `ALL : ALL`, `root`), `tags` (`NOPASSWD`), and `commands` as sudo prints them."""

    runas: str
    tags: tuple[str, ...]
    commands: str

    def __str__(self) -> str:
        return f"({self.runas}) {''.join(f'{tag}: ' for tag in self.tags)}{self.commands}"

    @property
    def is_for_root(self) -> bool | None:
        """Whether it lets root run commands; None for a group other than root's own, which may have root in it."""
        return _names_root(self.runas.partition(":")[0])

    def everything(self, *, asks: bool) -> bool | None:
        """Whether all commands may be run without a password; None where the rule does not speak of all commands.

        `asks` is whether sudo asks for the password where no tag says so.
        """
        decided: bool | None = None
        excepts = False
        for item in self.items(asks=asks):
            if item.command == "ALL":
                decided, excepts = not item.asks, False
            excepts |= item.is_excepted
        return decided and not excepts

    def items(self, *, asks: bool) -> Iterator[Item]:
        """Its commands in order. `asks` is as of `everything`; a tag holds for the commands behind it, too."""
        tags: frozenset[str] = frozenset()
        for item in _ITEMS.split(f"{''.join(f'{tag}: ' for tag in self.tags)}{self.commands}"):
            while option := _OPTION.match(item):
                tag = option["tag"] or ""
                asks = tag == "PASSWD" if tag in ("PASSWD", "NOPASSWD") else asks
                tags = tags - {f"NO{tag}", tag.removeprefix("NO")} | {tag}
                item = item[option.end() :]
            yield Item(item.removeprefix("!").strip(), item.startswith("!"), asks, tags)

    @property
    def exec_tag(self) -> str | None:
        """EXEC, NOEXEC or neither ("") before ALL; None where the rule does not speak of all commands."""
        tag = ""
        for item in _ITEMS.split(f"{''.join(f'{word}: ' for word in self.tags)}{self.commands}"):
            while option := _OPTION.match(item):
                tag = option["tag"] if option["tag"] in ("EXEC", "NOEXEC") else tag
                item = item[option.end() :]
            if item == "ALL":
                return tag
        return None

    @property
    def has_a_period(self) -> bool:
        """Whether it holds for a time only."""
        return any(f"{word}=" in self.commands for word in _PERIOD)


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules for the user on this host, in sudo's order; empty if the user may not run sudo.

    `defaults` is what sudo prints before them: the settings of Defaults that match the user.
    """

    rules: tuple[Rule, ...]
    defaults: str = ""

    @property
    def needs_terminal(self) -> bool:
        """Whether `Defaults requiretty` is in force for the user: sudo refuses without a terminal."""
        return _last_word(self.defaults, "requiretty") is True

    @property
    def is_root_without_password(self) -> bool | None:
        """True if every command may be run as root without a password; None where the listing does not say so.

        The last rule that matches root and all commands decides (tried: sudo 1.9.13p3), by its tags or else by the
        Defaults: `authenticate`. A rule for single commands changes nothing for the others.
        """
        found: bool | None = False
        for rule in self.rules:
            everything = rule.everything(asks=self.asks)
            if everything is None or rule.is_for_root is False or everything is found:
                continue
            found = None if rule.is_for_root is None or rule.has_a_period else everything
        return None if found is False and "exempt_group=" in self.defaults else found

    @property
    def forbids_programs(self) -> bool:
        """Whether what sudo starts may start nothing else (NOEXEC), by the last rule for all commands and Defaults."""
        found = usual = self.forbids_programs_by_default
        for rule in self.rules:
            if rule.is_for_root is not False and (tag := rule.exec_tag) is not None:
                found = usual if not tag else tag == "NOEXEC"
        return found

    @property
    def forbids_programs_by_default(self) -> bool:
        """Whether `Defaults noexec` holds where no tag says otherwise."""
        return _last_word(self.defaults, "noexec") is True

    @property
    def sets_by_default(self) -> bool:
        """Whether `Defaults setenv` holds where no tag says otherwise."""
        return _last_word(self.defaults, "setenv") is True

    @property
    def keeps_the_loader(self) -> bool:
        """Whether `env_keep` has what the dynamic loader believes, LD_PRELOAD: no tag takes that away."""
        return _keeps(r"LD_\w+").search(self.defaults) is not None

    def keeps_home(self, *, usually: bool) -> bool:
        """Whether HOME stays the user's own, so that a shell of root's reads the user's files.

        `usually` is what sudo does unless told otherwise.
        """
        always = _last_word(self.defaults, "always_set_home") is True
        return not always and (usually or bool(_keeps("HOME").search(self.defaults)))

    @property
    def asks(self) -> bool:
        """Whether sudo asks for the password where no tag of a rule says so: Defaults authenticate."""
        own, _, of_runas = self.defaults.partition("Runas and Command-specific defaults")
        asks = _last_word(own, "authenticate") is not False
        for row in _RUNAS_DEFAULTS.finditer(of_runas):
            if _names_root(row["users"]):
                word = _last_word(row["settings"], "authenticate")
                asks = asks if word is None else word
        return asks


def _names_root(users: str) -> bool | None:
    """Whether a list of users has root in it: the last word that matches decides."""
    found: bool | None = False
    for word in (part.strip() for part in users.split(",")):
        name = word.removeprefix("!")
        if name in ("ALL", "root", "#0", "%root", "%#0"):
            found = not word.startswith("!")
        elif name.startswith(("%", "+")) and found is False:
            found = None
    return found


def _keeps(name: str) -> re.Pattern[str]:
    """An `env_keep` with this variable, as sudo prints one or several."""
    return re.compile(rf'\benv_keep\+?=(?:"[^"]*?\b{name}\b|{name}\b)')


def _last_word(settings: str, name: str) -> bool | None:
    """How a setting stands last: on, off (`!name`), or not at all."""
    found = re.findall(rf"(!?)\b{name}\b(?!=)", settings)
    return found[-1] != "!" if found else None


def parse(text: str) -> Rights:
    """The rules, in English or zh_CN. Lines wrapped by sudo (indented by more than four) are joined."""
    output = lines(SOURCE, text)
    if any(_REFUSED.fullmatch(line) for line in output):
        return Rights(())
    starts = [index for index, line in enumerate(output) if _GRANTED.fullmatch(line)]
    if len(starts) != 1:
        raise unparsable(SOURCE, output[-1] if output else "")
    joined: list[str] = []
    for line in output[starts[0] + 1 :]:
        if joined and re.match(r" {5,}[^ (]", line):
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    rules = tuple(_rule(line) for line in joined)
    if not rules:
        raise unparsable(SOURCE, output[-1], "cut off after")
    return Rights(rules, "\n".join(output[: starts[0]]))


def _rule(line: str) -> Rule:
    rule = _RULE.fullmatch(line)
    if rule is None:
        raise unparsable(SOURCE, line)
    return Rule(rule[1], tuple(tag.strip() for tag in rule[2].split(":") if tag.strip()), rule[3])
