"""hccn_tool's link history and optical module of an NPU's network port. Formats: 20.2 and newer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dlws.parse.text import lines, unparsable

_WHEN = "%a %b %d %H:%M:%S %Y"
_DEVICE = re.compile(r"\[(?:devid|device) [0-9]{1,4}\]")
_CHANGE = re.compile(r"([A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ][0-9] [0-9:]{8} [0-9]{4})\s+LINK (UP|DOWN)")


def downs(text: str, within: timedelta) -> int:
    """`hccn_tool -i N -link_stat -g`: how often the link went down within a time before the port's "current time".

    The latest change is listed first. A down before the first up belongs to the boot and is not counted.
    """
    source = "hccn_tool -link_stat"
    rows = [_DEVICE.sub("", line).strip() for line in lines(source, text)]
    now = [row.partition(":")[2].strip() for row in rows if row.startswith("current time")]
    if len(now) != 1 or not any(row.startswith("link up count") for row in rows):
        raise unparsable(source, rows[0] if rows else "", "no current time, or no link up count")
    changes = [_change(source, row) for row in rows if "LINK" in row]
    ups = [index for index, (way, _) in enumerate(changes) if way == "UP"]
    since = _moment(source, now[0]) - within
    return sum(way == "DOWN" and at > since for way, at in changes[: max(ups, default=0)])


def _change(source: str, row: str) -> tuple[str, datetime]:
    """UP or DOWN, and when."""
    change = _CHANGE.fullmatch(row)
    if change is None:
        raise unparsable(source, row)
    return change[2], _moment(source, change[1])


def _moment(source: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, _WHEN)
    except ValueError:
        raise unparsable(source, text) from None


@dataclass(frozen=True, slots=True)
class Optical:
    """One port's optical module: `astray` are powers beyond its own thresholds, `lost` the loss-of-signal flags set."""

    present: bool
    astray: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


_POWER = re.compile(r"([TR]x) Power ?([0-9]?)")
_NONE = ("NA", "not supported")
"""What the tool writes for what a module does not have: a passive cable its light, a split cable some of its lanes."""


def optical(text: str) -> Optical:
    """`hccn_tool -i N -optical -g`, in mW. Raises Unparsable if powers, thresholds or LOS flags are missing.

    Only a module without temperature, powers, thresholds and flags, a passive cable, needs none: it has no light.
    """
    source = "hccn_tool -optical"
    rows = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines(source, text))}
    if rows.get("present") not in ("present", "not present"):
        raise unparsable(source, rows.get("present", ""), "no present")
    if rows["present"] == "not present":
        return Optical(present=False)
    powers = {key: match for key in rows if (match := _POWER.fullmatch(key)) is not None}
    if {match[1] for match in powers.values()} != {"Tx", "Rx"}:
        raise unparsable(source, why="no Tx Power, or no Rx Power")
    if _is_passive(rows, powers):
        return Optical(present=True)
    lit = {key: match for key, match in powers.items() if rows[key] not in _NONE}
    if {match[1] for match in lit.values()} != {"Tx", "Rx"}:
        raise unparsable(source, ", ".join(rows[key] for key in powers), "no lane with a power")
    limits = {
        way: [_milliwatts(source, rows, f"{way}Power {end} Thres") for end in ("Low", "High")] for way in ("Tx", "Rx")
    }
    values = {key: _milliwatts(source, rows, key) for key in lit}
    astray = [key for key, match in lit.items() if not limits[match[1]][0] <= values[key] <= limits[match[1]][1]]
    flags = {key: rows.get(key, "") for key in ("Tx Los Flag", "Rx Los Flag")}
    if not all(re.fullmatch("0x[0-9a-fA-F]{1,4}", flag) for flag in flags.values()):
        raise unparsable(source, ", ".join(flags.values()), "no Los Flag")
    lost = tuple(key for key, flag in flags.items() if int(flag, 16))
    return Optical(True, tuple(f"{key} {values[key]:g} mW" for key in astray), lost)


def _is_passive(rows: dict[str, str], powers: Iterable[str]) -> bool:
    """Whether it is a cable without light: it says so of everything that light would have."""
    asked = [*powers, *(f"{way}Power {end} Thres" for way in ("Tx", "Rx") for end in ("Low", "High"))]
    said = [rows.get("Temperature", rows.get("temperature")), *(rows.get(key) for key in asked)]  # by version
    return all(word in _NONE for word in said) and not any("Los Flag" in key for key in rows)


def _milliwatts(source: str, rows: dict[str, str], key: str) -> float:
    power = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?mW", rows.get(key, ""))
    if power is None:
        raise unparsable(source, rows.get(key, ""), f"no {key}")
    return float(power[1])
