"""`ps`: the processes and their states, and limits of one (/proc/PID/limits)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_ROW = re.compile(r"([RSDTtXZIWKP])[<NLsl+]* ([0-9]{1,10}) (-1|[0-9]{1,19})(?: (.*))?")
_LIMIT = re.compile(r"(\S+) Max open files\s+([0-9]{1,19}|unlimited)\s+([0-9]{1,19}|unlimited)\s+files")


@dataclass(frozen=True, slots=True)
class Process:
    """`state` is ps's first letter: R, S, D (waits for a device or a server), Z (dead, not collected), T, I."""

    state: str
    pid: int
    switches: int
    """How often it gave the processor up, as far as that was asked: the same later, and it has done nothing."""
    name: str


def parse(text: str) -> tuple[Process, ...]:
    """Lines `STATE PID SWITCHES NAME` from ps and /proc. There is always one, so an empty text is Unparsable."""
    found = []
    for line in lines("ps", text):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable("ps", line)
        found.append(Process(row[1], int(row[2]), int(row[3]), row[4] or ""))
    if not found:
        raise unparsable("ps", why="no output")
    return tuple(found)


def open_files(text: str) -> dict[str, float]:
    """Lines `SERVICE` and what /proc/PID/limits says of its open files: the soft limit by service."""
    source = "/proc/PID/limits"
    found: dict[str, float] = {}
    for line in lines(source, text):
        row = _LIMIT.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        found[row[1]] = float("inf") if row[2] == "unlimited" else int(row[2])
    return found
