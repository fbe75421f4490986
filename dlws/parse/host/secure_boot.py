"""Secure Boot, which rejects unsigned drivers (runbook 2.1: off on workers)."""

from __future__ import annotations

from dlws.parse.text import only_line, unparsable

FOLDER = "/sys/firmware/efi/efivars"
VARIABLE = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""The firmware's own variable (UEFI 2.10, 3.3); firmware that knows no Secure Boot does not have it."""


def is_on(text: str) -> bool:
    """`od -An -tu1` of the variable: four bytes of attributes, as efivarfs shows them, then 1 or 0."""
    line = only_line(VARIABLE, text)
    *attributes, value = line.split()
    if len(attributes) != 4 or value not in ("0", "1"):
        raise unparsable(VARIABLE, line)
    return value == "1"
