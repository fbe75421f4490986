"""`nvidia-smi -q`, its sections Fabric: what ails the fabric of a card that has joined it. Formats: drivers 535 to 595.

A driver tells what it knows of it: nothing up to 535, no summary up to 570, on an H100 N/A.
"""

from __future__ import annotations

import re

from dlws.parse.accelerators import nvidia_smi
from dlws.parse.text import lines, number, unparsable

SOURCE = "nvidia-smi -q"
_CARD = re.compile(r"GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])")
_SECTION = "Fabric"
_SOUND = {
    "Summary": "Healthy",
    "Bandwidth": "Full",
    "Route Recovery in progress": "False",
    "Route Unhealthy": "False",
    "Access Timeout Recovery": "False",
    "Incorrect Configuration": "None",
}
"""What a sound fabric has. Not here: `Partition Assigned`, which healthy racks do not answer."""


def troubles(text: str) -> list[str]:
    """What is not as in a sound fabric, by card: `GPU 00000008:01:00.0 Route Unhealthy True`; N/A is no trouble.

    Raises Unparsable if the number of cards differs from the tool's own count, or a value could not be read.
    """
    count, card = "", ""
    cards, found = set[str](), list[str]()
    section: int | None = None  # the indentation of `Fabric`, until a line has no more than that
    for line in lines(SOURCE, text):
        indent = len(line) - len(line.lstrip())
        key, _, value = (part.strip() for part in line.partition(" : "))
        section = None if section is None or indent <= section else section
        if match := _CARD.fullmatch(line):
            card = match[1]
            cards.add(card)
        elif key == "Attached GPUs":
            count = value
        elif line.strip() == _SECTION:
            section = indent
        elif section is not None and key in _SOUND and (told := nvidia_smi.value(value)) not in (None, _SOUND[key]):
            if isinstance(told, nvidia_smi.Unreadable):
                raise unparsable(SOURCE, f"{card} {key} : {value}")
            found.append(f"GPU {card} {key} {told}")
    if not cards or number(SOURCE, count) != len(cards):
        raise unparsable(SOURCE, count, f"{len(cards)} cards where the tool's own count is")
    return found
