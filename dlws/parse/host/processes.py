"""`ps`: the processes and their states; /proc/PID/limits: the open-file limits of services."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_ROW = re.compile(r"([RSDTtXZIWKP])[<NLsl+]* ([0-9]{1,10}) (-1|[0-9]{1,19})(?: (.*))?")
_LIMIT = re.compile(r"(\S+) Max open files\s+([0-9]{1,19}|unlimited)\s+([0-9]{1,19}|unlimited)\s+files")


@dataclass(frozen=True, slots=True)
class Process:
    """`state` is ps's first letter: R, S, D (uninterruptible sleep), Z (zombie), T, I."""

    state: str
    pid: int
    switches: int
    """Context switches, or -1 if not queried. Unchanged between two readings: the process did nothing meanwhile."""
    name: str


def parse(text: str) -> tuple[Process, ...]:
    """Lines `STATE PID SWITCHES NAME` from ps and /proc. Raises Unparsable if there are none."""
    processes = []
    for line in lines("ps", text):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable("ps", line)
        processes.append(Process(row[1], int(row[2]), int(row[3]), row[4] or ""))
    if not processes:
        raise unparsable("ps", why="no output")
    return tuple(processes)


def open_files(text: str) -> dict[str, float]:
    """Lines of a service's name and the "Max open files" line of its /proc/PID/limits: the soft limit by service."""
    source = "/proc/PID/limits"
    limits: dict[str, float] = {}
    for line in lines(source, text):
        row = _LIMIT.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        limits[row[1]] = float("inf") if row[2] == "unlimited" else int(row[2])
    return limits
