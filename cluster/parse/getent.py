"""`getent ahostsv4 NAME...`: what names resolve to, by the host's own rules (runbook 3.7; check N02)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.parse.text import lines, unparsable

SOURCE = "getent ahostsv4"
_ROW = re.compile(r"((?:[0-9]{1,3}\.){3}[0-9]{1,3})\s+(STREAM|DGRAM|RAW)(?:\s+(\S+))?")
_SOCKETS = ["STREAM", "DGRAM", "RAW"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one name resolved to; `canonical` may be its FQDN or, for an alias in /etc/hosts, the first name."""

    canonical: str
    addresses: tuple[str, ...]


def ahostsv4(text: str) -> tuple[Answer, ...]:
    """One answer for each name that resolved, in the order asked. Empty when none did (exit status 2).

    Each address takes three rows (STREAM, DGRAM, RAW), and only the first row of a name shows the canonical name.
    """
    answers: list[Answer] = []
    rows = lines(SOURCE, text)
    for index in range(0, len(rows), 3):
        parsed = [_ROW.fullmatch(row.strip()) for row in rows[index : index + 3]]
        found = [row for row in parsed if row is not None]
        if [row[2] for row in found] != _SOCKETS or len({row[1] for row in found}) != 1:
            raise unparsable(SOURCE, rows[index])
        address, canonical = found[0][1], found[0][3]
        if canonical is not None:
            answers.append(Answer(canonical, (address,)))
        elif answers:
            answers[-1] = Answer(answers[-1].canonical, (*answers[-1].addresses, address))
        else:
            raise unparsable(SOURCE, rows[index])
    return tuple(answers)


def resolve(text: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The addresses of each of the `names` asked, () for one that did not resolve.

    Where some are missing, answers are told apart by the first label of the canonical name; where that does not tell
    (`atlas01` and `atlas01.sigsus.cn` asked, one answer) the text is Unparsable rather than guessed at.
    """
    answers = ahostsv4(text)
    if len(answers) == len(names):
        return {name: answer.addresses for name, answer in zip(names, answers, strict=True)}
    resolved: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    for label in {_label(answer.canonical) for answer in answers}:
        asked = [name for name in names if _label(name) == label]
        given = [answer for answer in answers if _label(answer.canonical) == label]
        if len(asked) != len(given):
            raise unparsable(SOURCE, label, f"{len(given)} answers for {len(asked)} names like")
        resolved |= {name: answer.addresses for name, answer in zip(asked, given, strict=True)}
    return resolved


def _label(name: str) -> str:
    return name.lower().partition(".")[0]
