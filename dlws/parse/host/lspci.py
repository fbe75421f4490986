"""lspci: accelerators as the PCI bus sees them, driver or no driver."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_ADDRESS = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]"
_NUMBERED = re.compile(
    rf"({_ADDRESS}) .*?\[([0-9a-f]{{4}})\]: .*\[([0-9a-f]{{4}}):([0-9a-f]{{4}})\](?: \((?:rev|prog-if) .*\))*"
)
_NAMED = re.compile(rf"({_ADDRESS}) [^:]+: .+")
_DISPLAY = ("0300", "0302")


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function; class and ids are four hexadecimal digits (0302 is a 3D controller)."""

    address: str
    klass: str
    vendor: str
    device: str


def functions(text: str) -> tuple[Function, ...]:
    """`lspci -Dnn [-d VENDOR:]`: one row for each function; empty when nothing matches."""
    rows = ((line, _NUMBERED.fullmatch(line)) for line in lines("lspci -Dnn", text))
    return tuple(Function(row[1], row[2], row[3], row[4]) for row in (_found("lspci -Dnn", *pair) for pair in rows))


def display_cards(text: str) -> tuple[Function, ...]:
    """`lspci -Dnn -d 10de:`: the GPUs, VGA (0300) and 3D controllers (0302), without their sound and USB functions."""
    return tuple(function for function in functions(text) if function.klass in _DISPLAY)


def addresses(text: str) -> tuple[str, ...]:
    """`lspci -D -d 19e5:d801`: the PCI addresses of the devices asked for; empty when there is none."""
    rows = ((line, _NAMED.fullmatch(line)) for line in lines("lspci -D", text))
    return tuple(row[1] for row in (_found("lspci -D", *pair) for pair in rows))


@dataclass(frozen=True, slots=True)
class PcieLink:
    """What a PCI Express device can, and what its link does: lanes, and billions of transfers a second."""

    width: int
    most_width: int
    speed: float
    most_speed: float


_LINK = re.compile(r"\s+Lnk(Cap|Sta):.*\bSpeed ([0-9]{1,2}(?:\.[0-9])?)GT/s(?: \([a-z]+\))?, Width x([0-9]{1,2})[ ,].*")


def links(text: str) -> dict[str, PcieLink]:
    """`lspci -D -vv -d 19e5:d801` as root: by PCI address its link. Raises Unparsable for a device that tells none."""
    source = "lspci -vv"
    told: dict[str, dict[str, tuple[float, int]]] = {}
    for line in lines(source, text):
        if not line[:1].isspace():
            told[_found(source, line, _NAMED.fullmatch(line))[1]] = {}
        elif (row := _LINK.fullmatch(line + " ")) is not None and told:
            told[list(told)[-1]].setdefault(row[1], (float(row[2]), int(row[3])))
    for address, found in told.items():
        if set(found) != {"Cap", "Sta"}:
            raise unparsable(source, address, "no link of")
    return {a: PcieLink(f["Sta"][1], f["Cap"][1], f["Sta"][0], f["Cap"][0]) for a, f in told.items()}


def _found(source: str, line: str, row: re.Match[str] | None) -> re.Match[str]:
    if row is None:
        raise unparsable(source, line)
    return row
