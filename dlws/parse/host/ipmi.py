"""`ipmitool sdr elist`: the sensors of a board's management controller."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_SEVERE = re.compile(r"(?:l|u)?(?:cr|nr)")
_DISCRETE = re.compile(
    r"(?i)(?<!no )(?:predictive failure|failure detected|power supply ac lost|input lost|redundancy lost|drive fault"
    r"|uncorrectable ecc|\bierr\b|thermal trip|transition to (?:critical|non-recoverable))"
)


def faults(text: str) -> tuple[str, ...]:
    """Sensors that are critical or worse, or that report a failed part. Raises Unparsable if there are no sensors."""
    rows = [[part.strip() for part in line.split("|")] for line in lines("ipmitool sdr", text)]
    for row in rows:
        if len(row) != 5 or not row[2]:
            raise unparsable("ipmitool sdr", " | ".join(row))
    if not rows:
        raise unparsable("ipmitool sdr", why="no sensor")
    return tuple(
        f"{row[0]}: {row[4] or row[2]}" for row in rows if _SEVERE.fullmatch(row[2]) or _DISCRETE.search(row[4])
    )
