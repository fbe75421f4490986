"""What programs make of a text: their encoders, each as a function, and compositions of them for hypothesis."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import shlex
import textwrap
import urllib.parse
from collections.abc import Callable, Mapping
from html.entities import codepoint2name
from itertools import chain

import yaml
from hypothesis import strategies as st

Encoder = Callable[[str], str]


def _go(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate({ord(c): f"\\u{ord(c):04x}" for c in "&<>\u2028\u2029"})


def _every(form: str) -> Encoder:
    return lambda text: "".join(form.format(ord(c)) for c in text)


def _byte(form: str) -> Encoder:
    return lambda text: "".join(form.format(b) for b in text.encode())


def _special_bytes(form: str) -> Encoder:
    plain = re.compile(r"[\w.:-]", re.ASCII)
    return lambda text: "".join(c if plain.fullmatch(c) else _byte(form)(c) for c in text)


def _named(text: str) -> str:
    return "".join(f"&{codepoint2name[ord(c)]};" if ord(c) in codepoint2name else c for c in text)


def _csv(text: str) -> str:
    csv.writer(file := io.StringIO()).writerow([text, ""])
    return file.getvalue()


ESCAPES: Mapping[str, Encoder] = {
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "Go's JSON": _go,
    "JSON with \\/": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON, capital digits": lambda text: re.sub(r"\\u....", lambda m: "\\u" + m[0][2:].upper(), json.dumps(text)),
    "JavaScript, every character": _every("\\u{{{:x}}}"),
    "Python": repr,
    "Python's ascii": ascii,
    "HTML": html.escape,
    "HTML in decimal": _every("&#{};"),
    "HTML in hexadecimal": _every("&#x{:X};"),
    "HTML with names": _named,
    "HTML, special ones in decimal": lambda text: re.sub(r"[^\w ]", lambda m: f"&#{ord(m[0])};", text),
    "URL": lambda text: urllib.parse.quote(text, safe=""),
    "URL, small digits": lambda text: re.sub("%..", lambda m: m[0].lower(), urllib.parse.quote(text, safe="")),
    "URL, every byte": _byte("%{:02X}"),
    "form": urllib.parse.quote_plus,
    "C and systemd, special ones": _special_bytes("\\x{:02x}"),
    "C, every byte": _byte("\\x{:02X}"),
    "git and ls, octal": _special_bytes("\\{:03o}"),
    "shell": shlex.quote,
    "shell, $'..'": lambda text: "$'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'",
    "shell, backslashes": lambda text: re.sub(r"([^\w@%+=:,./\n-])", r"\\\1", text),
    "shell, double quotes": lambda text: '"' + re.sub(r'([$`"\\])', r"\\\1", text) + '"',
    "YAML, single quotes": lambda text: "'" + text.replace("'", "''") + "'",
    "SQL": lambda text: "'" + text.replace("'", "''") + "'",
    "CSV": _csv,
    "as it is": str,
}
"""Those after which the characters of a text still follow each other."""


WRAPS: Mapping[str, Encoder] = {
    "YAML, double quotes": lambda text: yaml.safe_dump(text, default_style='"', allow_unicode=True, width=20),
    "YAML, folded": lambda text: yaml.safe_dump({"a": {"b": text}}, allow_unicode=True),
    "wrapped": lambda text: text[:5] + "\n" + text[5:],
}
"""Those that break lines; where they break another encoder's escape nobody can tell what it was."""


def _base64(encoding: str, before: bytes = b"", width: int = 0) -> Encoder:
    def encode(text: str) -> str:
        plain = base64.b64encode(before + text.encode(encoding) + before).decode()
        return "\n".join(textwrap.wrap(plain, width)) if width else plain

    return encode


def _base32(before: bytes) -> Encoder:
    return lambda text: base64.b32encode(before + text.encode()).decode()


CODES: Mapping[str, Encoder] = {
    **{f"base64 after {n} bytes": _base64("utf-8", b"u:x"[:n]) for n in range(4)},
    "base64 folded": _base64("utf-8", b"user:", 16),
    "base64 folded at 76": _base64("utf-8", b"A long name of a user, more than a line of what follows here: ", 76),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of base64": lambda text: _base64("utf-8", b"x")(_base64("utf-8", b"user:")(text)),
    "base64 of UTF-16": _base64("utf-16-le"),
    "base64 of UTF-16, big end first": _base64("utf-16-be", b"12345"),
    "hexadecimal": lambda text: text.encode().hex(),
    "capital hexadecimal": lambda text: text.encode().hex().upper(),
    "hexadecimal with colons": lambda text: text.encode().hex(":"),
    "hexadecimal, two bytes each": lambda text: text.encode().hex(" ", 2),
    "C's array": lambda text: ", ".join(f"0x{byte:02X}" for byte in text.encode()),
    "Go's bytes": lambda text: str([*text.encode()]).replace(",", ""),
    "a list of bytes": lambda text: str([*text.encode()]),
    **{f"base32 after {n} bytes": _base32(b"user:"[:n]) for n in range(5)},
    "PostgreSQL's bytea": lambda text: "\\x" + text.encode().hex(),
    "without its end": lambda text: text[:-4],
}
"""Those that take the characters apart; what was escaped may be in them, and they may be escaped in turn."""
ALL: Mapping[str, Encoder] = {**WRAPS, **ESCAPES, **CODES}

secrets = st.builds(
    lambda first, awkward, last: first + awkward + last,
    st.text("abcxyzABC019", min_size=9, max_size=12),
    st.text("&<>\"'\\ %$+-_/#;=é密😀\n", min_size=1, max_size=4),
    st.text("efgEFG234", min_size=9, max_size=12),
).filter(lambda secret: "\n " not in secret)
"""Passwords with the characters that encoders care about between others."""


def _some(encoders: Mapping[str, Encoder], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(encoders)), max_size=most)


def _plausible(encoders: list[str]) -> bool:
    """Indentation is no longer known as such in a form, where it is `+`, or if each space has a backslash."""
    return not (encoders and encoders[0] in WRAPS and {"form", "shell, backslashes"} & {*encoders})


chains = (
    st.tuples(_some(WRAPS, 1), _some(ESCAPES, 3), _some(CODES, 1), _some(ESCAPES, 3))
    .map(lambda parts: [*chain.from_iterable(parts)])
    .filter(_plausible)
)
"""Encoders, the innermost first."""


def spelt(text: str, encoders: list[str]) -> str:
    """The text after all encoders of a chain."""
    for name in encoders:
        text = ALL[name](text)
    return text
