"""What an acceptance document is made of, whatever it is written as: numbered parts of text, tables and blanks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "caution", "bad", "quiet"]
_SHORT = 12  # rows


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell; line feeds in it are kept. `tone` colours it, the text says the same."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Lines to be typed or compared as they are: commands, digests."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """`widths` are shares. A table of very many columns is set in smaller type."""

    head: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    widths: Sequence[int]

    @property
    def is_short(self) -> bool:
        """Whether it is kept on one page: a few rows, torn apart, are read as two tables."""
        return len(self.rows) <= _SHORT


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values, in two columns. An empty value is a blank to be filled in by hand."""

    rows: Sequence[tuple[str, str | Cell]]


@dataclass(frozen=True, slots=True)
class Signatures:
    """One box for each who signs, never filled in: `fields` are the names of its blanks."""

    parties: Sequence[str]
    fields: Sequence[str]


Block = Text | Heading | Verbatim | Bullets | Table | Pairs | Signatures


@dataclass(frozen=True, slots=True)
class Part:
    """One of the fourteen numbered parts."""

    number: int
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole acceptance document in one language. `digest` is that of the manifest, which the cover shows."""

    title: str
    subtitle: str
    conclusion: Cell
    parts: Sequence[Part]
    digest: str
    started: str
    language: str


def cell(value: str | Cell) -> Cell:
    """A cell, of a bare text too."""
    return value if isinstance(value, Cell) else Cell(value)
