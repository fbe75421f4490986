"""The kernel's log: lines that speak of a fault. Patterns as node-problem-detector's kernel-monitor."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_STAMP = re.compile(r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})[+-][0-9:]{4,5} \S+ \S+?:(?: (?P<text>.*))?")
"""A message may be blank; the blank before it is then the line's last, and taken away."""
_FAULTS = {
    "out of memory": re.compile(r"^(?:\[ *[0-9.]+\] )?Out of memory: Kill"),  # of a cgroup it is a job's own
    "blocked task": re.compile(r"task \S+ blocked for more than [0-9]+ seconds"),
    "file system error": re.compile(
        r"EXT4-fs error|EXT4-fs \((?!loop|fd|sr)\S+\): Remounting filesystem read-only"
        r"|XFS \(\S+\): (?:Corruption|[Mm]etadata (?:corruption|I/O error)|xfs_do_force_shutdown)"
    ),
    "disk error": re.compile(
        r"(?:Buffer I/O error on dev(?:ice)?|I/O error, dev) (?!loop|fd|sr)|critical medium error"
    ),
    "network namespace that does not go": re.compile(r"unregister_netdevice: waiting for \S+ to become free"),
    "hardware error": re.compile(
        r"event severity: (?:fatal|corrected, fatal)|Machine Check: .*(?i:fatal)"
        r"|Machine Check Exception|EDAC MC[0-9]+: [0-9]+ UE "  # corrected: "Machine Check: ", "CE"
    ),
}


def faults(text: str) -> tuple[str, ...]:
    """`journalctl -o short-iso`: each kind of fault with its latest line; none when the log is clean."""
    found: dict[str, str] = {}
    for line in lines("journalctl", text):
        row = _STAMP.fullmatch(line)
        if row is None:
            if line.startswith(("-- ", " ")):  # "-- Logs begin at", "-- Boot 3f2a"; a message of several lines
                continue
            raise unparsable("journalctl", line)
        for kind, pattern in _FAULTS.items():
            if pattern.search(message := row["text"] or ""):
                found[kind] = f"{kind}: {row['time']} {message[:100]}"
    return tuple(found.values())
