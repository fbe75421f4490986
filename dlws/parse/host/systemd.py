"""systemctl: properties of units, and lists of units."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, lines_from, unparsable

_PROPERTY = re.compile(r"([A-Z][A-Za-z0-9]*)=(.*)")
_NAME = r"[^\s=●*]\S*\.(?:service|socket|swap|mount|automount|target|timer|path|slice|scope|device|snapshot)"
_UNIT = re.compile(rf"\s*(?:[●○×↻*]\s*)?({_NAME})\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?")
_UNIT_HEADER = re.compile(r"^\s*UNIT\s+LOAD\s+ACTIVE\s+SUB\b")
_UNIT_TRAILER = re.compile(r"^([0-9]{1,6}) loaded units listed\.")
_FILE = re.compile(rf"({_NAME})\s+([a-z-]+)(?:\s+\S+)?")
_FILE_HEADER = re.compile(r"^UNIT FILE\s+STATE\b")
_FILE_TRAILER = re.compile(r"^([0-9]{1,6}) unit files listed\.$")


@dataclass(frozen=True, slots=True)
class Unit:
    """One loaded unit: its three states as `systemctl list-units` prints them (loaded, active, running)."""

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


def units(text: str) -> tuple[Unit, ...]:
    """`systemctl --type=T --all` (list-units) with its legend: without the closing count it is Unparsable."""
    source = "systemctl list-units"
    rows, count = _counted(source, text, _UNIT_HEADER, _UNIT_TRAILER)
    found = tuple(_unit(source, row) for row in rows if not re.match(r"(?:LOAD|ACTIVE|SUB|JOB)\s+= ", row))
    if len(found) != count:
        raise unparsable(source, why=f"{len(found)} of {count} units")
    return found


def unit_files(text: str) -> dict[str, str]:
    """`systemctl list-unit-files --type=T` with its legend: unit file to state (enabled, static, generated...)."""
    source = "systemctl list-unit-files"
    rows, count = _counted(source, text, _FILE_HEADER, _FILE_TRAILER)
    states: dict[str, str] = {}
    for row in rows:
        found = _FILE.fullmatch(row)
        if found is None:
            raise unparsable(source, row)
        states[found[1]] = found[2]
    if len(states) != count:
        raise unparsable(source, why=f"{len(states)} of {count} unit files")
    return states


def failed(text: str) -> tuple[Unit, ...]:
    """`systemctl --failed --no-legend`: the failed units; an empty text says there are none."""
    return tuple(_unit("systemctl --failed", line) for line in lines("systemctl --failed", text))


def _unit(source: str, line: str) -> Unit:
    found = _UNIT.fullmatch(line)
    if found is None:
        raise unparsable(source, line)
    return Unit(found[1], found[2], found[3], found[4])


def _counted(source: str, text: str, header: re.Pattern[str], trailer: re.Pattern[str]) -> tuple[list[str], int]:
    """The rows between header (absent in some versions when there is no row) and trailer, and the trailer's count."""
    rows = lines_from(source, text, re.compile(f"{header.pattern}|{trailer.pattern}"))
    if header.search(rows[0]):
        del rows[0]
    for index, row in enumerate(rows):
        closing = trailer.search(row)
        if closing is not None:
            return rows[:index], int(closing[1])
    raise unparsable(source, rows[-1] if rows else "", "cut off after")
