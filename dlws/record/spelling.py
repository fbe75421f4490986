"""Finds a text in whatever way it is spelt: escaped for JSON, HTML, a URL or a shell, wrapped, inside base64, as a list
of bytes, or several of these inside each other.

Every escape is taken back and what encoders put between characters is dropped, from the text that is searched and from
the one that is looked for. What is equal then is the same text in two spellings.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html.entities import html5
from itertools import chain, pairwise
from typing import Final

Span = tuple[int, int]
"""Where a part of a text begins and ends, in bytes."""
Finder = Callable[[bytes], Iterable[Span]]
Search = Callable[[bytes, Finder], list[Span]]
SHORTEST_CODE: Final = 12
ESCAPES: Final = 8
"""The most escapings inside each other that are taken back: JSON in JSON in a URL has three."""
_ESCAPE: Final = re.compile(
    rb"\\(?<!\\\\)\\*+(?:u(?P<u>[0-9A-Fa-f]{4})(?:(?<=[dD][89abAB]..)\\++u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2}))?"
    rb"|u\{0*+(?P<braced>[0-9A-Fa-f]{1,6})\}|U(?P<wide>00[0-9A-Fa-f]{6})"
    rb"|x(?P<x>[0-9A-Fa-f]{2})|(?P<octal>[0-3][0-7]{2}))"
    rb"|%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    rb"|&(?:amp;)*(?:\#0*+(?P<decimal>[0-9]{1,7});|\#[xX]0*+(?P<hex>[0-9A-Fa-f]{1,6});"
    rb"|(?P<entity>[A-Za-z][A-Za-z0-9]{1,30};))"
)
"""An escaped character after any number of backslashes, or of escaped percent signs or ampersands.

A run of backslashes is tried at its beginning alone: a long one would take the square of its length otherwise."""
_CONTROL: Final = re.compile(rb"\\(?<!\\\\)\\*+(?:[abefrtv]|0(?![0-7]{2})|n *+|(?=[\r\n&#;%{}]))|\n[ \t\0]*+|\r|\0")
"""What is dropped first: control characters in escapes, ends of lines with the indentation that follows, backslashes
before these and before the signs that escapes are made of, the zeros of UTF-16.

Each branch begins with a byte of its own: the search is five times as fast."""
_DROPPED: Final = bytes(set(range(0x20)) - {0x09}) + b"\x7f\"'\\$"
"""What encoders put between characters: quotes, backslashes, ends of lines, the zeros of UTF-16."""
_SAME: Final = bytes.maketrans(b" \t-_", b"+++/")
"""What is one character to some encoder: a space and `+` in URLs, the two alphabets of base64."""
_KEPT: Final = re.compile(b"[^" + re.escape(_DROPPED) + b"]+")


@dataclass(frozen=True)
class Code:
    """A code that writes bytes as characters of a small alphabet, with anything between that is not of it."""

    alphabet: bytes
    bits: int
    """That one character stands for."""
    group: int
    """Characters that stand for whole bytes together."""
    decode: Callable[[bytes], bytes]

    @cached_property
    def others(self) -> bytes:
        """The bytes that are not in the alphabet."""
        return bytes(set(range(256)) - set(self.alphabet))

    @cached_property
    def runs(self) -> re.Pattern[bytes]:
        """What is long enough to be meant as this code; shorter runs are in any text and in any binary data."""
        return re.compile(b"[%b]{%d,}+" % (re.escape(self.alphabet), SHORTEST_CODE))

    @cached_property
    def characters(self) -> re.Pattern[bytes]:
        """Characters of this code that follow each other."""
        return re.compile(b"[%b]+" % re.escape(self.alphabet))


HEX: Final = Code(b"0123456789ABCDEFabcdef", bits=4, group=2, decode=binascii.unhexlify)
BASE64: Final = Code(
    string.ascii_letters.encode() + string.digits.encode() + b"+/-_",
    bits=6,
    group=4,
    decode=lambda characters: binascii.a2b_base64(characters.translate(bytes.maketrans(b"-_", b"+/"))),
)
BASE32: Final = Code(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits=5, group=8, decode=base64.b32decode)
_SEPARATOR: Final = rb"[ \t\r\n,:;+\\-]"
_LIST: Final = re.compile(
    rb"[0-9A-Fa-f](?<![0-9A-Za-z].)[0-9A-Fa-fxX]{0,9}+%b++(?:[0-9A-Fa-fxX]{1,10}+%b++){%d,}+(?:[0-9A-Fa-fxX]{1,10}+)?"
    % (_SEPARATOR, _SEPARATOR, SHORTEST_CODE // 2 - 1)
)
"""Numbers of a list that may be bytes: a hex dump, a fingerprint, what Go's %v makes of bytes."""
_NUMBER: Final = re.compile(rb"(?:0[xX])?([0-9A-Fa-f]+)")


def normal(data: bytes) -> bytes:
    """The text without its escapes, quotes, backslashes and ends of lines."""
    return _without_escapes(data)[0].translate(_SAME, _DROPPED)


def places(data: bytes, find: Finder) -> list[Span]:
    """Where `find` finds something in the normal form of a text, or of what is encoded in it; places in `data`.

    Looks into hexadecimal digits, base32 and base64, and into base64 inside the latter, from SHORTEST_CODE characters
    on, and into lists of bytes. Takes time in proportion to the text. A part of an escape counts as the whole of it.
    """
    return _within(data, find, lambda text: [*_in_runs(text, find, BASE64, _in_word), *_in_lists(text, find)])


def _in_lists(data: bytes, find: Finder) -> list[Span]:
    """The places in lists of bytes, in hexadecimal or in decimal numbers."""
    lists = [run.span() for run in _LIST.finditer(data)]
    return [
        place
        for begin, end in lists
        for read in (_hexadecimal, _decimal)
        for place in _in_list([*_NUMBER.finditer(data, begin, end)], find, read)
    ]


def _in_list(numbers: list[re.Match[bytes]], find: Finder, read: Callable[[bytes], bytes]) -> list[Span]:
    """The places of numbers whose bytes `find` finds something in."""
    values = [read(number[1]) for number in numbers]
    pieces = ((len(value), *number.span()) for value, number in zip(values, numbers, strict=True))
    return _back(_in_escapes(b"".join(values), find), [lambda: _Origin(pieces)])


def _hexadecimal(digits: bytes) -> bytes:
    """The bytes of a number in a hex dump; none of one with half a byte."""
    return b"" if len(digits) % 2 else binascii.unhexlify(digits)


def _decimal(digits: bytes) -> bytes:
    """The byte of a decimal number; none of any other."""
    return bytes([int(digits)]) if digits.isdigit() and int(digits) < 256 else b""


def _in_word(data: bytes, find: Finder) -> list[Span]:
    """The places in runs of base64: some are hexadecimal digits, or base32."""
    once = _in_code(
        data, find, BASE64, lambda text, _: _within(text, find, lambda t: _in_runs(t, find, BASE64, _twice))
    )
    others = [_in_runs(data, find, code, partial(_once, code=code)) for code in (HEX, BASE32)]
    return [*once, *chain.from_iterable(others)]


def _once(data: bytes, find: Finder, code: Code) -> list[Span]:
    """The places in a code, without looking into others inside it."""
    return _in_code(data, find, code, _in_escapes)


def _twice(data: bytes, find: Finder) -> list[Span]:
    """The places in base64 that was encoded once more."""
    return _once(data, find, BASE64)


def _in_escapes(data: bytes, find: Finder) -> list[Span]:
    """The places in a text, without looking into codes."""
    return _within(data, find, lambda text: [])


def _within(data: bytes, find: Finder, deeper: Callable[[bytes], list[Span]]) -> list[Span]:
    """The places in a text, and those that `deeper` finds in it without its escapes."""
    plain, origins = _without_escapes(data)
    return _back([*_in_plain(plain, find), *deeper(plain)], origins)


def _in_plain(data: bytes, find: Finder) -> list[Span]:
    """The places in a text without escapes."""
    return _back([*find(data.translate(_SAME, _DROPPED))], [lambda: _Origin.of_matches(_KEPT, data)])


def _in_runs(data: bytes, find: Finder, code: Code, inside: Search) -> list[Span]:
    """The places that `inside` finds in the longer runs of a code, which it gets with a space after each."""
    runs = [run.span() for run in code.runs.finditer(data)]
    found = inside(b"".join([data[begin:end] + b" " for begin, end in runs]), find) if runs else []
    spaced = ((end - begin + 1, begin, end + 1) for begin, end in runs)
    return _back(found, [lambda: _Origin(spaced)])


def _in_code(data: bytes, find: Finder, code: Code, inside: Search) -> list[Span]:
    """The places in `data` of what `inside` finds in the text that it encodes, which may begin at any character."""
    characters = data.translate(None, code.others)
    found: list[Span] = []
    for first in range(code.group):
        groups = characters[first:]
        spans = inside(code.decode(groups + b"A" * (-len(groups) % code.group)), find)
        ends = [(first + begin * 8 // code.bits, first - (-end * 8 // code.bits)) for begin, end in spans]
        found += [(begin, min(end, len(characters))) for begin, end in ends]
    return _back(found, [lambda: _Origin.of_matches(code.characters, data)])


def _without_escapes(data: bytes) -> tuple[bytes, list[Callable[[], _Origin]]]:
    """The text with its escapes taken back, and for each time that was done, how to come to the text before."""
    origins: list[Callable[[], _Origin]] = []
    for _ in range(ESCAPES):
        before = data
        for pattern, meaning, begins in _TAKEN_BACK:
            if not any(byte in data for byte in begins):
                continue
            plain = pattern.sub(b"" if meaning is _nothing else meaning, data)
            if plain != data:
                origins.append(partial(_Origin.of_edit, pattern, meaning, data))
                data = plain
        if data is before:
            break
    return data, origins


def _back(spans: list[Span], origins: Sequence[Callable[[], _Origin]]) -> list[Span]:
    """The places in the original of places in a text that was edited several times. Of no places, nothing is traced."""
    for origin in reversed(origins) if spans else ():
        spans = origin().of(spans)
    return spans


def _nothing(escape: re.Match[bytes]) -> bytes:
    """What an escaped control character stands for: it is dropped."""
    return b""


def _meant(escape: re.Match[bytes]) -> bytes:
    """What an escape stands for; itself, if it is none."""
    kind = str(escape.lastgroup)
    digits = escape[kind]
    match kind:
        case "low":
            return chr(0x10000 + ((int(escape["u"], 16) & 0x3FF) << 10) + (int(digits, 16) & 0x3FF)).encode()
        case "u" | "braced" | "wide" | "hex":
            return _character(int(digits, 16))
        case "decimal":
            return _character(int(digits))
        case "x" | "percent":
            return bytes([int(digits, 16)])
        case "octal":
            return bytes([int(digits, 8)])
        case _:
            return html5[name].encode() if (name := digits.decode()) in html5 else escape[0]


_TAKEN_BACK: Final = ((_CONTROL, _nothing, (b"\n", b"\\", b"\r", b"\0")), (_ESCAPE, _meant, (b"\\", b"%", b"&")))
"""What is taken back, in this order, each with the bytes that it begins with: without any of them nothing is searched.
A log has ends of lines and else, as a rule, none of them."""


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else b""


class _Origin:
    """Where the parts of an edited text come from."""

    def __init__(self, pieces: Iterable[tuple[int, int, int]]) -> None:
        """Each piece has its length in the edited text, and its begin and end in the original."""
        self._pieces = [piece for piece in pieces if piece[0]]
        self._starts = [0]
        for length, _, _ in self._pieces:
            self._starts.append(self._starts[-1] + length)

    @classmethod
    def of_matches(cls, pattern: re.Pattern[bytes], data: bytes) -> _Origin:
        """Of a text of which only the matches were kept."""
        return cls((match.end() - match.start(), *match.span()) for match in pattern.finditer(data))

    @classmethod
    def of_edit(cls, pattern: re.Pattern[bytes], meaning: Callable[[re.Match[bytes]], bytes], data: bytes) -> _Origin:
        """Of a text in which each match was replaced by its meaning."""

        def pieces() -> Iterator[tuple[int, int, int]]:
            at = 0
            for escape in pattern.finditer(data):
                yield escape.start() - at, at, escape.start()
                yield len(meaning(escape)), *escape.span()
                at = escape.end()
            yield len(data) - at, at, len(data)

        return cls(pieces())

    def of(self, spans: Iterable[Span]) -> list[Span]:
        """The places of the original for places of the edited text, none of them empty."""
        return [(self._original(begin)[0], self._original(end - 1)[1]) for begin, end in spans]

    def _original(self, at: int) -> Span:
        """The byte at a place: one byte of a part that was taken over, the whole of one that was replaced."""
        number = bisect_right(self._starts, at) - 1
        length, begin, end = self._pieces[number]
        inside = begin + at - self._starts[number]
        return (inside, inside + 1) if length == end - begin else (begin, end)


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans in order, those that overlap as one."""
    ordered = sorted(spans)
    if not ordered:
        return
    begin, end = ordered[0]
    for _, (next_begin, next_end) in pairwise(ordered):
        if next_begin < end:
            end = max(end, next_end)
        else:
            yield begin, end
            begin, end = next_begin, next_end
    yield begin, end
