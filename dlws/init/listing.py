"""The hosts that the operator names for a first configuration, before anything is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

from pydantic_core import PydanticCustomError

from dlws.config import values
from dlws.config.finding import shown
from dlws.inventory import Arch, Device, Role

MOST = 1024
"""Hosts of one list; a range with more has a typing error."""
_RANGE = re.compile(r"(?P<first>[0-9.]+)\s*[-~]\s*(?P<last>[0-9.]+)")


class BadList(ValueError):
    """A list of hosts that cannot be read; the message says why, and how to write it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One host as it was named. What is empty or None was not said; `where` is the option, or the file and line."""

    address: str
    where: str
    name: str = ""
    role: Role | None = None
    arch: Arch | None = None
    device: Device | None = None
    series: str = ""
    device_count: int | None = None
    host_key: str = ""
    """Its SSH key's fingerprint, `SHA256:...`, as compared on its console."""

    @property
    def label(self) -> str:
        """How it is called until its name is known."""
        return self.name or self.address


def from_option(text: str) -> list[Listed]:
    """The hosts of `--hosts`: addresses and ranges of them, separated by commas or blanks. Raises BadList.

    >>> [host.address for host in from_option("192.168.3.2-4,192.168.3.9")]
    ['192.168.3.2', '192.168.3.3', '192.168.3.4', '192.168.3.9']
    """
    found: dict[str, Listed] = {}
    ranges = "-".join(end.strip() for end in text.replace("~", "-").split("-"))
    for part in ranges.replace(",", " ").split():
        for address in addresses(part):
            if address in found:
                raise BadList(f"--hosts: {address} is named twice (name each host once)")
            found[address] = Listed(address, "--hosts")
    if not found:
        raise BadList("--hosts: no host is named (write it like 192.168.3.2-9,192.168.3.20)")
    return list(found.values())


def addresses(text: str) -> list[str]:
    """The addresses of one address or range: `192.168.3.2-9`, `192.168.3.2-192.168.3.9`. Raises BadList."""
    matched = _RANGE.fullmatch(text.strip())
    if matched is None:
        return [_address(text.strip())]
    first, last = matched["first"], matched["last"]
    if "." not in last:
        last = f"{first.rpartition('.')[0]}.{last}"
    low, high = IPv4Address(_address(first)), IPv4Address(_address(last))
    if low > high:
        raise BadList(f"{shown(text)} is empty (write the lower address first)")
    if int(high) - int(low) >= MOST:
        raise BadList(f"{shown(text)} has more than {MOST} addresses (name the hosts that there are)")
    return [_address(str(IPv4Address(number))) for number in range(int(low), int(high) + 1)]


def _address(text: str) -> str:
    try:
        return values.address(text)
    except PydanticCustomError as error:
        context = error.context or {}
        raise BadList(f"{context['message']} ({context['fix']})") from None
