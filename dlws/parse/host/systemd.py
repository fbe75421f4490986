"""systemctl: properties of units, and lists of units."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, lines_from, unparsable

_PROPERTY = re.compile(r"([A-Z][A-Za-z0-9]*)=(.*)")
_NAME = r"[^\s=●*]\S*\.(?:service|socket|swap|mount|automount|target|timer|path|slice|scope|device|snapshot)"
_UNIT = re.compile(rf"\s*(?:[●○×↻*]\s*)?({_NAME})\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?")


@dataclass(frozen=True, slots=True)
class Unit:
    """One loaded unit: its three states as systemctl prints them (loaded, failed, failed)."""

    name: str
    load: str
    active: str
    sub: str


def show(text: str) -> dict[str, str]:
    """`systemctl show -p A,B UNIT`: each property's value, possibly empty.

    A unit that does not exist still answers: LoadState=not-found.
    """
    properties: dict[str, str] = {}
    for line in lines_from("systemctl show", text, _PROPERTY):
        found = _PROPERTY.fullmatch(line)
        if found is None or found[1] in properties:
            raise unparsable("systemctl show", line)
        properties[found[1]] = found[2]
    return properties


def failed(text: str) -> tuple[Unit, ...]:
    """`systemctl --failed --no-legend`: the failed units; an empty text says there are none."""
    return tuple(_unit("systemctl --failed", line) for line in lines("systemctl --failed", text))


def _unit(source: str, line: str) -> Unit:
    found = _UNIT.fullmatch(line)
    if found is None:
        raise unparsable(source, line)
    return Unit(found[1], found[2], found[3], found[4])
