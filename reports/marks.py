"""How each kind of cell looks: a mark that is distinct even without colour, and a colour for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from reports.matrix import Kind


@dataclass(frozen=True, slots=True)
class Mark:
    """`glyph` for HTML and UTF-8 terminals, `ascii` for all others; `style` is a rich style."""

    glyph: str
    ascii: str
    style: str


MARKS: dict[Kind, Mark] = {
    Kind.UNREACHABLE: Mark("⊘", "#", "bold magenta"),
    Kind.FAIL: Mark("✗", "X", "bold red"),
    Kind.UNKNOWN: Mark("?", "?", "bold yellow"),
    Kind.WARN: Mark("!", "!", "yellow"),
    Kind.PLANNED: Mark("○", "o", "cyan"),
    Kind.NOT_RUN: Mark("–", "-", "dim"),
    Kind.CHANGED: Mark("●", "+", "blue"),
    Kind.UNCHANGED: Mark("✓", ".", "green"),
    Kind.PASS: Mark("✓", ".", "green"),
    Kind.WAIVED: Mark("W", "W", "cyan"),
    Kind.DEVIATION: Mark("D", "D", "cyan"),
    Kind.NA: Mark("·", " ", "dim"),
}
