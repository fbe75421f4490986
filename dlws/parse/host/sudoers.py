"""`sudo -n -l -U USER`: what the user may run, and whether with a password (runbook 3.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "sudo -l -U"
_GRANTED = re.compile(r"^User \S+ may run the following commands on \S+:$|^用户 \S+ 可以在 \S+ 上运行以下命令：$")
_REFUSED = re.compile(r"^User \S+ is not allowed to run sudo on \S+\.$|^用户 \S+ 无权在 \S+ 上运行 sudo。$")
_RULE = re.compile(r" {4}\(([^()]*)\) ((?:[A-Z_]+: )*)(\S.*)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `runas` (`ALL`, `ALL : ALL`, `root`), `tags` (`NOPASSWD`), and `commands` as sudo prints them."""

    runas: str
    tags: tuple[str, ...]
    commands: str

    def __str__(self) -> str:
        return f"({self.runas}) {''.join(f'{tag}: ' for tag in self.tags)}{self.commands}"


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules for the user on this host, in sudo's order; empty if the user may not run sudo."""

    rules: tuple[Rule, ...]
    needs_terminal: bool = False
    """`Defaults requiretty` is in force for the user: sudo refuses without a terminal."""

    @property
    def is_root_without_password(self) -> bool:
        """True if everything may be run as anyone without a password: `(ALL) NOPASSWD: ALL`.

        In sudo the last matching rule decides, so a later `(ALL : ALL) ALL` requires the password again.
        """
        everything = [rule for rule in self.rules if rule.commands == "ALL" and rule.runas in ("ALL", "ALL : ALL")]
        return bool(everything) and "NOPASSWD" in everything[-1].tags and "PASSWD" not in everything[-1].tags


def parse(text: str) -> Rights:
    """The rules, in English or zh_CN. Lines wrapped by sudo (indented by more than four) are joined."""
    output = lines(SOURCE, text)
    if any(_REFUSED.match(line) for line in output):
        return Rights(())
    starts = [index for index, line in enumerate(output) if _GRANTED.match(line)]
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
    defaults = set(re.findall(r"!?\brequiretty\b", "\n".join(output[: starts[0]])))
    return Rights(rules, defaults == {"requiretty"})


def _rule(line: str) -> Rule:
    rule = _RULE.fullmatch(line)
    if rule is None:
        raise unparsable(SOURCE, line)
    return Rule(rule[1], tuple(tag.strip() for tag in rule[2].split(":") if tag.strip()), rule[3])
