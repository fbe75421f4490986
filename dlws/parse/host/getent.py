"""`getent ahostsv4 NAME`: the addresses of a name, as the host itself resolves it (runbook 3.7)."""

from __future__ import annotations

import re

from dlws.parse.text import unparsable

SOURCE = "getent ahostsv4"
_ADDRESS = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_ROWS = re.compile(rf"({_ADDRESS})\s+STREAM(?:\s+(?!{_ADDRESS}\s)\S+)?\s+\1\s+DGRAM\s+\1\s+RAW\s*")


def addresses(name: str, text: str) -> frozenset[str]:
    """The IPv4 addresses of a name; empty if it does not resolve (exit status 2, no output).

    Each address has three rows (STREAM, DGRAM, RAW); only the very first row shows the canonical name.
    """
    matches = list(_ROWS.finditer(text.lstrip()))
    if "".join(match[0] for match in matches) != text.lstrip():
        raise unparsable(f"{SOURCE} {name}", text)
    return frozenset(match[1] for match in matches)
