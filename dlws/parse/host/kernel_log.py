"""The kernel log: lines that report a fault. The patterns are those of node-problem-detector's kernel-monitor."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_STAMP = re.compile(r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})[+-][0-9:]{4,5} \S+ \S+?:(?: (?P<text>.*))?")
"""A message may be empty; its leading blank is then at the end of the line and has been stripped."""
_FAULTS = {
    "out of memory": re.compile(r"^(?:\[ *[0-9.]+\] )?Out of memory: Kill"),  # in a cgroup it is a job's own limit
    "blocked task": re.compile(r"task \S+ blocked for more than [0-9]+ seconds"),
    "file system error": re.compile(
        r"EXT4-fs error|EXT4-fs \((?!loop|fd|sr)\S+\): Remounting filesystem read-only"
        r"|XFS \(\S+\): (?:Corruption|[Mm]etadata (?:corruption|I/O error)|xfs_do_force_shutdown)"
    ),
    "disk error": re.compile(
        r"(?:Buffer I/O error on dev(?:ice)?|I/O error, dev) (?!loop|fd|sr)|critical medium error"
    ),
    "network namespace that is never freed": re.compile(r"unregister_netdevice: waiting for \S+ to become free"),
    "hardware error": re.compile(
        r"event severity: (?:fatal|corrected, fatal)|Machine Check: .*(?i:fatal)"
        r"|Machine Check Exception|EDAC MC[0-9]+: [0-9]+ UE "  # corrected: "Machine Check: ", "CE"
    ),
}


def faults(text: str) -> tuple[str, ...]:
    """`journalctl -o short-iso`: each kind of fault with its latest line; empty for a clean log."""
    latest: dict[str, str] = {}
    for line in lines("journalctl", text):
        row = _STAMP.fullmatch(line)
        if row is None:
            if line.startswith(("-- ", " ")):  # "-- Logs begin at", "-- Boot 3f2a"; a message of several lines
                continue
            raise unparsable("journalctl", line)
        for kind, pattern in _FAULTS.items():
            if pattern.search(message := row["text"] or ""):
                latest[kind] = f"{kind}: {row['time']} {message[:100]}"
    return tuple(latest.values())
