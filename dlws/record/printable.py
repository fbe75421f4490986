"""Make text that came from hosts short and safe to show on terminals, in browsers and in XML."""

from __future__ import annotations

import json
import re

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: window titles, links
    r"|\x1b[ -/]*[0-~]"  # two-character escapes and character sets
)
# Characters that XML 1.0 forbids, that move a cursor, or that reorder or hide text (bidi, zero-width, tags).
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with control and hidden characters visible (ESC as `\\x1b`, U+202E as `\\u202e`); CR LF becomes LF."""
    if text.isprintable():  # most texts by far, and five times as fast: what Unicode calls printable hides nothing
        return text
    # Unicode's control pictures would be shorter, but many fonts lack them.
    return _HIDDEN.sub(_shown, text.replace("\r\n", "\n"))


def plain(text: str) -> str:
    """`visible` text without ANSI escape sequences, for JUnit and the terminal."""
    return visible(text if text.isprintable() else _ANSI.sub("", text))


def one_line(text: str) -> str:
    """`plain` text with every run of white space replaced by one blank."""
    return " ".join(plain(text).split())


def json_escaped(document: str) -> str:
    """A JSON document with the same content in which control and hidden characters are JSON's own escapes."""
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], document)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"


def clip(text: str, limit: int) -> str:
    """`text`; if longer than `limit` characters, its start and end with a line between them on what is left out."""
    return text if len(text) <= limit else joined(text[: limit // 2], text[-(limit // 2) :], len(text))


def joined(head: str, tail: str, length: int) -> str:
    """The start and the end of a text of this length, with a line between them on what is left out."""
    return f"{head}\n[... {length - len(head) - len(tail):,} characters left out ...]\n{tail}"
