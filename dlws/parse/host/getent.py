"""`getent ahostsv4 NAME`: what a name resolves to, by the host's own rules (runbook 3.7)."""

from __future__ import annotations

import re

from dlws.parse.text import unparsable

SOURCE = "getent ahostsv4"
_ADDRESS = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_ROWS = re.compile(rf"({_ADDRESS})\s+STREAM(?:\s+(?!{_ADDRESS}\s)\S+)?\s+\1\s+DGRAM\s+\1\s+RAW\s*")


def addresses(name: str, text: str) -> frozenset[str]:
    """The IPv4 addresses of one name; empty when it did not resolve (exit status 2, and nothing printed).

    Each address takes three rows (STREAM, DGRAM, RAW), and only the first row of all shows the canonical name.
    """
    found = list(_ROWS.finditer(text.lstrip()))
    if "".join(match[0] for match in found) != text.lstrip():
        raise unparsable(f"{SOURCE} {name}", text)
    return frozenset(match[1] for match in found)
