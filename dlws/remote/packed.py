"""An answer that waits for the checks that will ask for it, kept small: 300 of each of a thousand hosts wait.

Hosts of a kind answer most commands alike. What one of them says as the first of its kind did is the first one's text,
and a long text is deflated with the first one's as the dictionary: of a kernel log little more is left than its times.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Self

from dlws.record.answer import Answer

LEAST: Final = 1024  # bytes; a shorter text would hardly be smaller
FAST: Final = 1  # zlib's level: logs come to a tenth of their size
WINDOW: Final = 1 << 15  # bytes of a dictionary that zlib looks at, the last ones


NOTHING: Final = Answer("", None, b"", b"", 0.0)


class _Deflated(bytes):
    """A deflated text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PackedAnswer:
    """An answer without its command, packed by that of a like host."""

    rc: int | None
    seconds: float
    timed_out: bool
    truncated: bool
    _out: bytes
    _err: bytes
    _like: Answer

    @classmethod
    def of(cls, answer: Answer, like: Answer) -> Self:
        """Pack an answer by another one, which is kept: to the same command, or NOTHING."""
        out, err = _packed(answer.out, like.out), _packed(answer.err, like.err)
        return cls(answer.rc, answer.seconds, answer.timed_out, answer.truncated, out, err, like)

    @property
    def size(self) -> int:
        """The bytes that its texts take in memory beside those of the like host."""
        texts = (self._out, self._like.out), (self._err, self._like.err)
        return sum(len(own) for own, like in texts if own is not like)

    def unpacked(self, command: str) -> Answer:
        """The answer to this command as it was."""
        out, err = _unpacked(self._out, self._like.out), _unpacked(self._err, self._like.err)
        return Answer(command, self.rc, out, err, self.seconds, self.timed_out, self.truncated)


class Packing:
    """The answers of the first host of each kind, by which those of the others are packed. Thread-safe."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, dict[str, Answer]]] = {}

    def packed(self, kind: str, host: str, answer: Answer) -> PackedAnswer:
        """Pack an answer of a host of this kind."""
        first, answers = self._first.setdefault(kind, (host, {}))
        if first == host:
            return PackedAnswer.of(answer, answers.setdefault(answer.command, answer))
        return PackedAnswer.of(answer, answers.get(answer.command, NOTHING))


def _packed(text: bytes, like: bytes) -> bytes:
    if text == like:
        return like
    if len(text) < LEAST:
        return text
    deflating = zlib.compressobj(FAST, zdict=like[-WINDOW:])
    return _Deflated(deflating.compress(text) + deflating.flush())


def _unpacked(kept: bytes, like: bytes) -> bytes:
    if not isinstance(kept, _Deflated):
        return kept
    inflating = zlib.decompressobj(zdict=like[-WINDOW:])
    return inflating.decompress(kept) + inflating.flush()
