"""systemctl: properties of a unit, and lists of units."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, lines_from, unparsable

_PROPERTY = re.compile(r"([A-Z][A-Za-z0-9]{1,60})=(.*)")
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
    """`systemctl show -p A,B UNIT`: the value of each property, which may be empty.

    systemctl also answers for a unit that does not exist: LoadState=not-found.
    """
    properties: dict[str, str] = {}
    for line in lines_from("systemctl show", text, _PROPERTY):
        pair = _PROPERTY.fullmatch(line)
        if pair is None or pair[1] in properties:
            raise unparsable("systemctl show", line)
        properties[pair[1]] = pair[2]
    return properties


def escaped(path: str) -> str:
    r"""A path as part of a unit's name (systemd.unit(5)): `/dev/disk/by-uuid/5f3c` is `dev-disk-by\x2duuid-5f3c`."""
    plain = "/".join(part for part in path.split("/") if part)
    named = re.sub(r"[^A-Za-z0-9:_./]|^\.", lambda odd: "".join(f"\\x{b:02x}" for b in odd[0].encode()), plain)
    return named.replace("/", "-") or "-"


def mount_point(unit: str) -> str:
    r"""The path of a .mount or .automount unit: of `var-lib-my\x2ddata.mount` it is `/var/lib/my-data`."""
    name = unit.rpartition(".")[0]
    path = "/" + ("" if name == "-" else name.replace("-", "/"))
    return re.sub(rb"\\x([0-9a-f]{2})", lambda odd: bytes([int(odd[1], 16)]), path.encode()).decode("utf-8", "replace")


def failed(text: str) -> tuple[Unit, ...]:
    """`systemctl --failed --no-legend`: the failed units; empty output means none."""
    return tuple(_unit("systemctl --failed", line) for line in lines("systemctl --failed", text))


def _unit(source: str, line: str) -> Unit:
    unit = _UNIT.fullmatch(line)
    if unit is None:
        raise unparsable(source, line)
    return Unit(unit[1], unit[2], unit[3], unit[4])


_FILE = re.compile(rf"({_NAME})\s+([a-z-]+)(?:\s+(?:enabled|disabled|ignored|-))?")


def unit_files(text: str) -> dict[str, str]:
    """`systemctl list-unit-files --no-legend`: unit files and their state (`enabled`, `static`, `masked`).

    systemd 245 and newer print the vendor's preset as a third column.
    """
    files: dict[str, str] = {}
    for line in lines("systemctl list-unit-files", text):
        file = _FILE.fullmatch(line.strip())
        if file is None:
            raise unparsable("systemctl list-unit-files", line)
        files[file[1]] = file[2]
    return files
