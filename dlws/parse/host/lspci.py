"""lspci: accelerators on the PCI bus, with or without a driver."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from dlws.parse.text import lines, unparsable

_ADDRESS = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]"
_NUMBERED = re.compile(
    rf"({_ADDRESS}) .*?\[([0-9a-f]{{4}})\]: .*\[([0-9a-f]{{4}}):([0-9a-f]{{4}})\](?: \((?:rev|prog-if) .*\))*"
)
_NAMED = re.compile(rf"({_ADDRESS}) [^:]+: .+")
DISPLAY = ("0300", "0302")
"""The PCI classes of GPUs: a VGA controller, a 3D controller."""


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function; class and ids are four hexadecimal digits (class 0302 is a 3D controller)."""

    address: str
    klass: str
    vendor: str
    device: str


def functions(text: str) -> tuple[Function, ...]:
    """`lspci -Dnn [-d VENDOR:]`: the functions; empty if nothing matches."""
    rows = ((line, _NUMBERED.fullmatch(line)) for line in lines("lspci -Dnn", text))
    return tuple(Function(row[1], row[2], row[3], row[4]) for row in (_matched("lspci -Dnn", *pair) for pair in rows))


def display_cards(text: str) -> tuple[Function, ...]:
    """`lspci -Dnn -d 10de:`: the GPUs (VGA 0300, 3D controller 0302), without their audio and USB functions."""
    return tuple(function for function in functions(text) if function.klass in DISPLAY)


@dataclass(frozen=True, slots=True)
class PcieLink:
    """A PCI Express link's current and maximum width (lanes) and speed (GT/s)."""

    width: int
    most_width: int
    speed: float
    most_speed: float


_LINK = re.compile(
    r"\s+Lnk(Cap|Sta):.*Speed (?:([0-9]{1,2}(?:\.[0-9])?)GT/s|unknown)(?: \([a-z]{1,20}\))?, Width x([0-9]{1,2})[ ,].*"
)
_SILENT = re.compile(r"\s+!!! Unknown header type 7f")
"""What lspci says of a function that answers nothing any more: all its bits are set, its revision is ff."""


class Links(NamedTuple):
    """PCIe links by PCI address, None for a device that does not answer any more.

    `untold`: the addresses of those with a speed that came after this pciutils: 3.5.2, of Ubuntu 18.04, says
    "Speed unknown" of 16 GT/s (pciutils#128).
    """

    told: dict[str, PcieLink | None]
    untold: list[str]


def links(text: str, apart: Container[str] = ()) -> Links:
    """`lspci -D -vv -d 19e5::1200` as root: the links, without those of the addresses that are set apart.

    Raises Unparsable for a device that answers and has none.
    """
    source = "lspci -vv"
    devices: dict[str, dict[str, tuple[float | None, int]]] = {}
    silent: set[str] = set()
    for line in lines(source, text):
        if not line[:1].isspace():
            devices[_matched(source, line, _NAMED.fullmatch(line))[1]] = {}
        elif (row := _LINK.fullmatch(line + " ")) is not None and devices:
            devices[list(devices)[-1]].setdefault(row[1], (float(row[2]) if row[2] else None, int(row[3])))
        elif _SILENT.fullmatch(line) is not None and devices:
            silent.add(list(devices)[-1])
    told: dict[str, PcieLink | None] = {}
    untold: list[str] = []
    for address, said in devices.items():
        if address in apart:
            continue
        if address in silent:
            told[address] = None
            continue
        if set(said) != {"Cap", "Sta"}:
            raise unparsable(source, address, "no link of")
        (speed, width), (most_speed, most_width) = said["Sta"], said["Cap"]
        if speed is None or most_speed is None:
            untold.append(address)
        else:
            told[address] = PcieLink(width, most_width, speed, most_speed)
    return Links(told, untold)


_REGISTERS = re.compile(rf"== ({_ADDRESS})\n([0-9a-f]{{8}})\n([0-9a-f]{{4}})(?:\n|$)")
_SPEEDS = {0: 0.0, 1: 2.5, 2: 5.0, 3: 8.0, 4: 16.0, 5: 32.0, 6: 64.0}
"""Bits 3:0 of Link Capabilities and Link Status, in GT/s; 0 of a link that is down (pci_regs.h, PCI_EXP_LNKCAP_SLS)."""


def registered_links(text: str) -> dict[str, PcieLink]:
    """For each address `== ADDRESS`, then `setpci -s ADDRESS CAP_EXP+0c.l CAP_EXP+12.w`: the link by PCI address.

    The registers Link Capabilities and Link Status: bits 3:0 are a speed, bits 9:4 a width. Unparsable.
    """
    source, at, found = "setpci", 0, dict[str, PcieLink]()
    while row := _REGISTERS.match(text, at):
        (most_width, most_speed), (width, speed) = (divmod(int(word, 16) & 0x3FF, 16) for word in row.group(2, 3))
        if most_speed not in _SPEEDS or speed not in _SPEEDS:
            raise unparsable(source, row[0].replace("\n", " ").strip(), "a speed without a name")
        found[row[1]] = PcieLink(width, most_width, _SPEEDS[speed] if width else 0.0, _SPEEDS[most_speed])
        at = row.end()
    if at != len(text):
        raise unparsable(source, text[at:])
    return found


def _matched(source: str, line: str, row: re.Match[str] | None) -> re.Match[str]:
    if row is None:
        raise unparsable(source, line)
    return row
