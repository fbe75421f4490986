"""Replaces secrets by `***` wherever text leaves the process: transcript, messages, logs.

A secret is recognised in every spelling that `dlws.record.spelling` takes back, in hexadecimal digits, and without its
last characters, as a tool leaves it that cuts what is too long.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from dlws.record.spelling import SHORTEST_CODE, Span, joined, normal, places

MASK: Final = "***"
SHORT: Final = 4  # characters; a shorter secret is masked only as a separate word, or half of all text would be masked
LONG_LINE: Final = 16  # characters from which a line of a multi-line secret (a private key) is also masked on its own
_MASK: Final = MASK.encode()
DIGEST: Final = 16  # bytes: no two texts that anybody can make have the same
REMEMBERED: Final = 1 << 15  # digests of texts without a secret, 4 MiB of them, until one is learnt


class Redactor:
    """Masks the secrets that it knows. Empty ones are ignored."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = {s for given in secrets for s in _alike(given)}
        self._learning = threading.Lock()
        self._prepare()

    def learn(self, secret: str) -> None:
        """Mask one more, which did not exist before: a join's token. Of two at a time, none may undo the other."""
        with self._learning:
            self._secrets |= {*_alike(secret)}
            self._prepare()

    def _prepare(self) -> None:
        long = sorted((s for s in self._secrets if len(s) >= SHORT), key=lambda s: (-len(s), s))
        self._plain = [_bytes(secret) for secret in long]
        cores = sorted({core for secret in long for core in _cores(secret)}, key=lambda c: (-len(c), c))
        self._cores = [(core[(stem := _stem(core))], core, stem.start) for core in cores]
        alone = sorted((re.escape(_bytes(s)) for s in self._secrets if 0 < len(s) < SHORT), key=len, reverse=True)
        self._alone = re.compile(b"(?<![0-9A-Za-z])(?:" + b"|".join(alone) + b")(?![0-9A-Za-z])") if alone else None
        self._clean = set[bytes]()  # last: it keeps what the above makes of a text

    def text(self, value: str) -> str:
        """The text with every secret masked."""
        return self.data(_bytes(value)).decode("utf-8", "surrogatepass")

    def data(self, value: bytes) -> bytes:
        """The bytes with every secret (in UTF-8, UTF-16 inside base64) masked.

        Hosts of a kind are asked the same and say much the same: a text is looked through once for many of them. Of one
        without a secret, which nearly all are, its digest is remembered and not the text.
        """
        clean, digest = self._clean, hashlib.blake2b(value, digest_size=DIGEST).digest()
        if digest in clean:
            return value
        masked = self._masked(value)
        if masked != value:
            return masked
        if len(clean) >= REMEMBERED:
            clean.clear()
        clean.add(digest)
        return value

    def _masked(self, value: bytes) -> bytes:
        for secret in self._plain:
            if secret in value:
                value = value.replace(secret, _MASK)
        if self._alone:
            value = self._alone.sub(_MASK, value)
        at, kept = 0, []
        for begin, end in joined(places(value, self._found)):
            kept.append(value[at:begin])
            at = end
        return _MASK.join([*kept, value[at:]])

    __call__ = text

    def _found(self, text: bytes) -> Iterator[Span]:
        """The places of secrets in a text in its normal form."""
        for stem, core, at in self._cores:
            if stem in text:
                yield from _occurrences(text, stem, core, at)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _alike(secret: str) -> Iterator[str]:
    """A secret as it is given, without the spaces around it, and its lines."""
    yield from (secret, secret.strip(), *_long_lines(secret))


def _long_lines(secret: str) -> Iterator[str]:
    """The lines of a private key, without those that say that it is one."""
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= LONG_LINE and not line.startswith("-----"))


def _cores(secret: str) -> Iterator[bytes]:
    """The normal forms of a secret; encoders disagree on what is not ASCII. None if it is quotes and backslashes."""
    spelt = [_bytes(secret), ascii(secret)[1:-1].encode()]
    spelt += [secret.encode(f"utf-16-{end}", "surrogatepass") for end in ("le", "be")]
    if len(spelt[0]) < SHORTEST_CODE * 3 // 4:
        spelt += _in_base64(spelt[0])
    yield from (core for core in map(normal, spelt) if len(core) >= SHORT)


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """For each alignment, the part of its base64 that does not depend on the bytes before and after it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        yield encoded[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]


def _stem(core: bytes) -> slice:
    """The part of a secret that shows which one it is: all of a short one; else neither its first byte, which may have
    become a part of an escape (`\\x70` in PostgreSQL's bytea), nor its last quarter, which may have been cut off.
    """
    end = max(12, len(core) * 3 // 4) if len(core) >= LONG_LINE else len(core)
    return slice(int(len(core) >= 2 * SHORT), end)


def _occurrences(text: bytes, stem: bytes, core: bytes, before: int) -> Iterator[Span]:
    """The places of a secret's stem, which has `before` bytes in front, extended by what of the rest is there."""
    at = text.find(stem)
    while at >= 0:
        end, rest = at + len(stem), core[before + len(stem) :]
        while rest and text.startswith(rest[:1], end):
            end, rest = end + 1, rest[1:]
        yield at - (before if text.endswith(core[:before], 0, at) else 0), end
        at = text.find(stem, end)
