"""What a page can show of a text of the evidence, so that the logs of a thousand hosts need not be in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from dlws.record.printable import joined


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text, or the start and the end of a longer one. `length` is that of the whole text, in characters."""

    length: int
    start: str
    end: str = ""

    @classmethod
    def of(cls, text: str, most: int) -> Self:
        """The excerpt from which `clipped` knows every limit up to `most`, in characters."""
        if len(text) <= most:
            return cls(len(text), text)
        return cls(len(text), text[: most // 2], text[-(most // 2) :])

    def cut(self, most: int) -> Excerpt:
        """The excerpt of the same text for a smaller `most`."""
        if self.length <= most:
            return self
        return Excerpt(self.length, self.start[: most // 2], (self.end or self.start)[-(most // 2) :])

    def clipped(self, limit: int) -> str:
        """What `dlws.record.printable.clip` makes of the whole text."""
        if self.length <= limit:
            return self.start
        return joined(self.start[: limit // 2], (self.end or self.start)[-(limit // 2) :], self.length)
