"""Durations and numbers in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in words: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02d} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60:02d} min"


def count(number: int, thing: str) -> str:
    """`1 host`, `4 hosts`, `1,204 checks`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def start(text: str, most: int) -> str:
    """The text, or of a longer one the first characters and a sign that there are more."""
    return text if len(text) <= most else f"{text[:most]}…"
