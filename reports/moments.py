"""Moments of a run: as seconds, and in words."""

from __future__ import annotations

from datetime import datetime


def seconds_at(moment: str) -> float | None:
    """Seconds since the epoch; None if `moment` is not an ISO 8601 time."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def since(moment: str, began: str) -> float | None:
    """Seconds from one moment to another, both ISO 8601; None if one of them is not."""
    at, zero = seconds_at(moment), seconds_at(began)
    return None if at is None or zero is None else round(at - zero, 3)


def when(started: str) -> str:
    """An ISO 8601 moment in UTC as people read it; any other text as it is."""
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return started
