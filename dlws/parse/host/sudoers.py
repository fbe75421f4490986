"""`sudo -n -l -U USER`: what the user may run, and whether a password is asked (runbook 3.6)."""

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
    """One line: as whom (`ALL`, `ALL : ALL`, `root`), the tags (`NOPASSWD`), and the commands as sudo prints them."""

    runas: str
    tags: tuple[str, ...]
    commands: str

    def __str__(self) -> str:
        return f"({self.runas}) {''.join(f'{tag}: ' for tag in self.tags)}{self.commands}"


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules that apply to the user on this host, in the order sudo reads them; none when sudo is refused."""

    rules: tuple[Rule, ...]

    @property
    def is_root_without_password(self) -> bool:
        """True when everything may be run as anyone with no password: `(ALL) NOPASSWD: ALL`.

        The last rule that matches decides in sudo, so a later `(ALL : ALL) ALL` brings the password back.
        """
        everything = [rule for rule in self.rules if rule.commands == "ALL" and rule.runas in ("ALL", "ALL : ALL")]
        return bool(everything) and "NOPASSWD" in everything[-1].tags and "PASSWD" not in everything[-1].tags


def parse(text: str) -> Rights:
    """The rules, in English or zh_CN. Lines that sudo wrapped (indented by more than four) are joined again."""
    found = lines(SOURCE, text)
    if any(_REFUSED.match(line) for line in found):
        return Rights(())
    starts = [index for index, line in enumerate(found) if _GRANTED.match(line)]
    if len(starts) != 1:
        raise unparsable(SOURCE, found[-1] if found else "")
    joined: list[str] = []
    for line in found[starts[0] + 1 :]:
        if joined and re.match(r" {5,}[^ (]", line):
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    rules = tuple(_rule(line) for line in joined)
    if not rules:
        raise unparsable(SOURCE, found[-1], "cut off after")
    return Rights(rules)


def _rule(line: str) -> Rule:
    found = _RULE.fullmatch(line)
    if found is None:
        raise unparsable(SOURCE, line)
    return Rule(found[1], tuple(tag.strip() for tag in found[2].split(":") if tag.strip()), found[3])
