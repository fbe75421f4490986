"""`nvidia-smi -q -d TEMPERATURE`: how far each card is from slowing down. Formats: drivers 418 to 580."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, number, unparsable

SOURCE = "nvidia-smi -q -d TEMPERATURE"
_CARD = re.compile(r"GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])")
_DEGREES = re.compile(r"(-?[0-9]{1,3}) C")


@dataclass(frozen=True, slots=True)
class Temperature:
    """One card, in degrees Celsius: its temperature now, and how many more it may take before it slows down."""

    bus_id: str
    now: int
    margin: int


def parse(text: str) -> tuple[Temperature, ...]:
    """The cards in the tool's order, as many as it counts itself.

    Up to Ampere a card names the temperature at which it slows down; from Hopper on it tells what is left (T.Limit) and
    at which rest it slows down. Raises Unparsable for a card that names neither.
    """
    count, cards = "", dict[str, dict[str, str]]()
    for line in lines(SOURCE, text):
        key, colon, value = (part.strip() for part in line.partition(" : "))
        if card := _CARD.fullmatch(line):
            if card[1] in cards:
                raise unparsable(SOURCE, line, "a card twice")
            cards[card[1]] = {}
        elif key == "Attached GPUs":
            count = value
        elif colon and cards:
            cards[list(cards)[-1]].setdefault(key, value)
    if not cards or number(SOURCE, count) != len(cards):
        raise unparsable(SOURCE, count, f"{len(cards)} cards where the tool's own count is")
    return tuple(_temperature(bus_id, values) for bus_id, values in cards.items())


def _temperature(bus_id: str, values: dict[str, str]) -> Temperature:
    now = _degrees(values, "GPU Current Temp")
    slowdown, left, rest = (
        _degrees(values, key) for key in ("GPU Slowdown Temp", "GPU T.Limit Temp", "GPU Slowdown T.Limit Temp")
    )
    if now is not None and slowdown is not None:
        return Temperature(bus_id, now, slowdown - now)
    if now is not None and left is not None and rest is not None:
        return Temperature(bus_id, now, left - rest)
    raise unparsable(SOURCE, bus_id, "no temperature, or none at which it slows down")


def _degrees(values: dict[str, str], key: str) -> int | None:
    value = values.get(key, "N/A")
    if value in ("N/A", "[N/A]"):
        return None
    found = _DEGREES.fullmatch(value)
    if found is None:
        raise unparsable(SOURCE, f"{key} : {value}")
    return int(found[1])
