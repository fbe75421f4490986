"""lspci: accelerators on the PCI bus, with or without a driver."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

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
    """A PCI Express link's current and maximum width (lanes) and speed (GT/s; None: faster than this lspci knows)."""

    width: int
    most_width: int
    speed: float | None
    most_speed: float | None

    @property
    def is_short(self) -> bool:
        """Whether it is narrower or slower than it could be, as far as both speeds are known."""
        known = None not in (self.speed, self.most_speed)
        return self.width != self.most_width or (known and self.speed != self.most_speed)

    def __str__(self) -> str:
        return f"{_told(self.width, self.speed)} of {_told(self.most_width, self.most_speed)}"


_LINK = re.compile(
    r"\s+Lnk(Cap|Sta):.*Speed (?:([0-9]{1,2}(?:\.[0-9])?)GT/s|unknown)(?: \([a-z]{1,20}\))?, Width x([0-9]{1,2})[ ,].*"
)
"""pciutils says unknown of a speed that came after it: 3.5.2 (Ubuntu 18.04) of 16 GT/s (pciutils#128)."""
_SILENT = re.compile(r"\s+!!! Unknown header type 7f")
"""What lspci says of a function that answers nothing any more: all its bits are set, its revision is ff."""


def links(text: str, apart: Container[str] = ()) -> dict[str, PcieLink | None]:
    """`lspci -D -vv -d 19e5::1200` as root: the link by PCI address, without the addresses that are set apart.

    None for a device that does not answer any more. Raises Unparsable for any other one that has no link.
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
    linked = {address: link for address, link in devices.items() if address not in apart}
    for address, link in linked.items():
        if set(link) != {"Cap", "Sta"} and address not in silent:
            raise unparsable(source, address, "no link of")
    return {address: None if address in silent else _link(link) for address, link in linked.items()}


def _link(said: dict[str, tuple[float | None, int]]) -> PcieLink:
    width, speed = said["Sta"][1], said["Sta"][0]
    return PcieLink(width, said["Cap"][1], speed if width else 0.0, said["Cap"][0])


def _told(width: int, speed: float | None) -> str:
    return f"x{width} at {'unknown speed' if speed is None else f'{speed:g} GT/s'}"


def _matched(source: str, line: str, row: re.Match[str] | None) -> re.Match[str]:
    if row is None:
        raise unparsable(source, line)
    return row
