"""NVIDIA's driver: its Xid errors in the kernel log, and the version of the loaded module."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, only_line, unparsable

_ERROR = re.compile(
    r".*NVRM: Xid \((?:PCI:)?([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.[0-9])?)\): ([0-9]{1,4}),.*"
)
_STAMP = re.compile(r"\[ *([0-9]{1,10}\.[0-9]{6})\] .*")
_VERSION = re.compile(
    r"NVRM version: NVIDIA UNIX .*Kernel Module(?: for \S+)?\s+([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})(?:\s.*)?"
)


CRITICAL = frozenset({48, 56, 57, 58, 62, 63, 64, 65, 68, 69, 73, 74, 79, 80, 81, 92, 95, 119, 120})
"""Xids that indicate a faulty card, link or driver. 13, 31, 43 and 45 are caused by the job itself."""


@dataclass(frozen=True, slots=True, order=True)
class Xid:
    """One error: its number (explained in NVIDIA's table of Xids) and the card's PCI address."""

    number: int
    card: str


def errors(text: str) -> tuple[Xid, ...]:
    """The Xids in the kernel log, whatever precedes `NVRM:`; other lines are skipped."""
    xids = []
    for line in lines("kernel log", text):
        if "NVRM: Xid" in line:
            row = _ERROR.fullmatch(line)
            if row is None:
                raise unparsable("kernel log", line)
            xids.append(Xid(int(row[2]), row[1]))
    return tuple(xids)


def begins(text: str) -> float:
    """When the first line was logged, in seconds since boot, from `journalctl -o short-monotonic`."""
    first = next(iter(lines("kernel log", text)), "")
    stamp = _STAMP.fullmatch(first)
    if stamp is None:
        raise unparsable("kernel log", first, "no time since the boot")
    return float(stamp[1])


def loaded(text: str) -> str:
    """/proc/driver/nvidia/version: the version of the loaded module. The second line, the compiler's, is skipped."""
    source = "/proc/driver/nvidia/version"
    line = only_line(source, "\n".join(line for line in lines(source, text) if line.startswith("NVRM version:")))
    version = _VERSION.fullmatch(line)
    if version is None:
        raise unparsable(source, line)
    return version[1]
