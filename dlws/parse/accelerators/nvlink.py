"""`nvidia-smi nvlink -s`: the NVLinks of each card. Formats: drivers 418 to 610.

Source of the sentences of drivers from 590 on: captures of utkuozdemir/nvidia_gpu_exporter (H100 and H200 with MIG,
L40S).
"""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "nvidia-smi nvlink -s"
_CARD = re.compile(r"GPU ([0-9]{1,4}): .+ \(UUID: GPU-[0-9a-f-]{8,}\)")
_LINK = re.compile(r"\s*Link ([0-9]{1,2}): (?:([0-9]{1,4}(?:\.[0-9]{1,3})?) GB/s|<inactive>)")
_NO_LINK = re.compile(
    r"\s*(?:NVML: ?)?Unable to retrieve NVLink information as all links are inactive\.?", re.IGNORECASE
)
"""Drivers write NvLink, Nvlink and NVLink."""
_WITHOUT = re.compile(r"\s*Device does not have or support NVLink\.?", re.IGNORECASE)
_PARTED = re.compile(r"\s*NVLink queries are not supported for Devices in MIG mode\.?", re.IGNORECASE)


def parse(text: str) -> dict[int, tuple[float | None, ...] | None]:
    """The speed of each link in GB/s by card, None for an inactive link; an empty tuple for a card without links.

    None for a card that is parted (MIG), where its driver tells no links of it.

    A card whose links are all down may say so in a single line; it then has one link here, which is None.
    If no card has a link, driver 580 prints nothing (seen on an H200 in a virtual machine); the result is then empty.
    """
    cards: dict[int, list[float | None]] = {}
    parted: set[int] = set()
    links: list[float | None] | None = None
    for line in lines(SOURCE, text):
        card, link = _CARD.fullmatch(line), _LINK.fullmatch(line)
        if card is not None and int(card[1]) not in cards:
            links = cards[int(card[1])] = []
        elif link is not None and links is not None and int(link[1]) == len(links):
            links.append(None if link[2] is None else float(link[2]))
        elif links == [] and _NO_LINK.fullmatch(line):
            links.append(None)
        elif links == [] and _WITHOUT.fullmatch(line):
            links = None  # no row may follow
        elif links == [] and _PARTED.fullmatch(line):
            parted.add(list(cards)[-1])
            links = None
        else:
            raise unparsable(SOURCE, line)
    return {number: None if number in parted else tuple(speeds) for number, speeds in cards.items()}
