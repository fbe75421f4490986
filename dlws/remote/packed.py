"""An answer that waits for the checks that will ask for it, deflated: the kernel log of each of many hosts waits."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final, Self

from dlws.record.answer import Answer

LEAST: Final = 1024  # bytes; a shorter text would hardly be smaller
FAST: Final = 1  # zlib's level: logs come to a tenth of their size


@dataclass(frozen=True, slots=True)
class PackedAnswer:
    """An answer, its longer texts deflated."""

    _answer: Answer
    _out: bytes | None
    _err: bytes | None

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Pack an answer."""
        out, err = _deflated(answer.out), _deflated(answer.err)
        kept = replace(answer, out=answer.out if out is None else b"", err=answer.err if err is None else b"")
        return cls(kept, out, err)

    @property
    def timed_out(self) -> bool:
        """See `Answer`."""
        return self._answer.timed_out

    @property
    def truncated(self) -> bool:
        """See `Answer`."""
        return self._answer.truncated

    @property
    def size(self) -> int:
        """The bytes that its texts take in memory."""
        return sum(len(text or b"") for text in (self._answer.out, self._answer.err, self._out, self._err))

    def unpacked(self) -> Answer:
        """The answer as it was."""
        out = self._answer.out if self._out is None else zlib.decompress(self._out)
        err = self._answer.err if self._err is None else zlib.decompress(self._err)
        return replace(self._answer, out=out, err=err)


def _deflated(text: bytes) -> bytes | None:
    return zlib.compress(text, FAST) if len(text) >= LEAST else None
