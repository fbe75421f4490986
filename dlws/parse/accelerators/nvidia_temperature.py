"""`nvidia-smi -q -d TEMPERATURE`: how far each card is from thermal throttling. Formats: drivers 418 to 580."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.accelerators import nvidia_query
from dlws.parse.text import unparsable

SOURCE = "nvidia-smi -q -d TEMPERATURE"
_DEGREES = re.compile(r"(-?[0-9]{1,3}) C")


@dataclass(frozen=True, slots=True)
class Temperature:
    """One card, in degrees Celsius: its current temperature, and the margin to the temperature where it throttles."""

    bus_id: str
    now: int
    margin: int


def parse(text: str) -> tuple[Temperature, ...]:
    """The cards in the tool's order. Raises Unparsable if their number differs from the tool's own count.

    Up to Ampere a card reports its slowdown temperature; since Hopper, the degrees left (T.Limit) and the value of
    T.Limit at which it slows down. Raises Unparsable for a card that reports neither.
    """
    cards = nvidia_query.cards(SOURCE, text)
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
    degrees = _DEGREES.fullmatch(value)
    if degrees is None:
        raise unparsable(SOURCE, f"{key} : {value}")
    return int(degrees[1])
