"""Replaces secrets by `***` wherever text leaves the process: transcript, messages, logs.

A secret is recognised as it is and in the forms that tools give it: quoted for a shell, escaped in JSON, Python, XML or
a URL, and inside base64 at any of its three alignments.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import urllib.parse
from collections.abc import Iterable, Iterator

MASK = "***"
SHORT = 4  # characters; a shorter secret is masked only as a separate word, or half of all text would be masked
LONG_LINE = 16  # characters from which a line of a multi-line secret (a private key) is also masked on its own


class Redactor:
    """Masks a fixed set of secrets. Empty ones are ignored."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        short: set[str] = set()
        for secret in {s for given in secrets for s in (given, given.strip())}:
            if len(secret) >= SHORT:
                forms.update(_forms(secret))
            elif secret:
                short.add(secret)
        self._plain = [(form, form.encode()) for form in forms]
        whole = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
        alone = [rf"(?<![0-9A-Za-z]){re.escape(s)}(?![0-9A-Za-z])" for s in sorted(short, key=len, reverse=True)]
        self._text = re.compile("|".join(whole + alone))
        self._bytes = re.compile(self._text.pattern.encode())
        self._alone = bool(alone)

    def text(self, value: str) -> str:
        """The text with every secret masked."""
        # Searching for each form first is ten times faster than the alternation, and almost no text has any.
        may_match = self._alone or any(form in value for form, _ in self._plain)
        return self._text.sub(MASK, value) if may_match else value

    def data(self, value: bytes) -> bytes:
        """The bytes with every secret (in UTF-8) masked."""
        may_match = self._alone or any(form in value for _, form in self._plain)
        return self._bytes.sub(MASK.encode(), value) if may_match else value

    __call__ = text


def _forms(secret: str) -> Iterator[str]:
    """Every form in which a secret may appear; none shorter than SHORT."""
    yield secret
    yield shlex.quote(secret)[1:-1] if shlex.quote(secret) != secret else secret
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret)  # quoted by backslashes
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote(secret)
    yield urllib.parse.quote_plus(secret)
    yield from _in_base64(secret.encode())
    if "\n" in secret:
        lines = (line.strip() for line in secret.splitlines())
        yield from (line for line in lines if len(line) >= LONG_LINE and not line.startswith("-----"))


def _in_base64(secret: bytes) -> Iterator[str]:
    """For each alignment, the part of its base64 that does not depend on the bytes before and after it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        first = (before * 8 + 5) // 6
        stable = encoded[first : (before + len(secret)) * 8 // 6].decode()
        if len(stable) >= SHORT:
            yield stable
            yield stable.replace("+", "-").replace("/", "_")
