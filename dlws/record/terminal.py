"""The one way to print text that may come from a host or from a foreign run: nothing in it steers the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from dlws.record.printable import visible


class SafeConsole(Console):
    """A console that shows control and hidden characters instead of sending them; colours and cursor are its own.

    Brackets are text, never markup: `[link=...]` of a host would become a link.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file=file, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments to print; those of rich that move the cursor (`control`) are left as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
