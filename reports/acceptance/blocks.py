"""The building blocks of an acceptance document, independent of its format: parts, text, tables, blanks to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "caution", "bad", "quiet"]
_SHORT = 12  # rows


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell; its line feeds are kept. `tone` adds colour, but the meaning is always in the text."""

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
    """Lines to be shown as they are: commands, digests."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """`widths` are relative. A table with very many columns is set in smaller type."""

    head: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    widths: Sequence[int]

    @property
    def is_short(self) -> bool:
        """Whether it is kept on one page, as a short table split over two would be read as two tables."""
        return len(self.rows) <= _SHORT


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values, in two columns. An empty value is a blank to be filled in by hand."""

    rows: Sequence[tuple[str, str | Cell]]


@dataclass(frozen=True, slots=True)
class Signatures:
    """One box per signatory, never filled in by the suite; `fields` are the labels of its blanks."""

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
    """An acceptance document in one language. `digest` is the manifest's SHA-256, shown on the cover."""

    title: str
    subtitle: str
    conclusion: Cell
    parts: Sequence[Part]
    digest: str
    started: str
    language: str


def cell(value: str | Cell) -> Cell:
    """`value` as a cell; bare text gets no tone."""
    return value if isinstance(value, Cell) else Cell(value)
