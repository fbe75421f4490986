"""Make text that came from hosts short and safe to show on terminals, in browsers and in XML."""

from __future__ import annotations

import re

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: window titles, links
    r"|\x1b[ -/]*[0-~]"  # two-character escapes and character sets
)
# Characters that XML 1.0 forbids, that move a cursor, or that reorder or hide text (bidi, zero-width, tags).
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with control and hidden characters visible (ESC as `\\x1b`, U+202E as `\\u202e`); CR LF becomes LF."""
    # Unicode's control pictures would be shorter, but many fonts lack them.
    return _HIDDEN.sub(_shown, text.replace("\r\n", "\n"))


def plain(text: str) -> str:
    """`visible` text without ANSI escape sequences, for JUnit and the terminal."""
    return visible(_ANSI.sub("", text))


def one_line(text: str) -> str:
    """`plain` text with every run of white space replaced by one blank."""
    return " ".join(plain(text).split())


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"


def clip(text: str, limit: int) -> str:
    """`text`; if longer than `limit` characters, its start and end with a line between them on what is left out."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-(limit // 2) :]
    return f"{head}\n[... {len(text) - len(head) - len(tail):,} characters left out ...]\n{tail}"


def duration(seconds: float) -> str:
    """Seconds in words: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02d} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60:02d} min"


def count(number: int, thing: str) -> str:
    """`1 host`, `4 hosts`, `1,204 checks`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
