"""`nvidia-smi -q -d SECTION`: what it says of each card. Formats: drivers 418 to 595."""

from __future__ import annotations

import re

from dlws.parse.text import lines, number, unparsable

_CARD = re.compile(r"GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])")


def cards(source: str, text: str) -> dict[str, dict[str, str]]:
    """By PCI address the values of a card by their key; of a key that several parts of the section have, the first.

    Raises Unparsable if the number of cards differs from the tool's own count.
    """
    count, found = "", dict[str, dict[str, str]]()
    for line in lines(source, text):
        key, _, value = (part.strip() for part in line.partition(" : "))
        if card := _CARD.fullmatch(line):
            if card[1] in found:
                raise unparsable(source, line, "a card twice")
            found[card[1]] = {}
        elif key == "Attached GPUs":
            count = value
        elif found:
            found[list(found)[-1]].setdefault(key, value)
    if not found or number(source, count) != len(found):
        raise unparsable(source, count, f"{len(found)} cards where the tool's own count is")
    return found
