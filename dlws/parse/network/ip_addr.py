"""`ip -4 -o addr`: the IPv4 addresses of the interfaces."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, unparsable

SOURCE = "ip -4 -o addr"
_ROW = re.compile(r"([0-9]+): (\S+?)(?:@\S+)?\s+inet ([0-9.]+)(?: peer [0-9.]+)?(/[0-9]{1,2})? (?:.* )?scope (\S+) .*")


@dataclass(frozen=True, slots=True)
class Address:
    """One address of one interface, with its network; `scope` is global, link or host."""

    interface: str
    address: str
    network: ipaddress.IPv4Network
    scope: str


def parse(text: str) -> tuple[Address, ...]:
    """All addresses, in the kernel's order. Raises Unparsable for empty output, as lo always has one."""
    addresses = []
    for line in lines_from(SOURCE, text, re.compile(r"[0-9]{1,10}: \S+\s+inet ")):
        row = _ROW.fullmatch(line)
        if row is None or "_lft" not in line:
            raise unparsable(SOURCE, line)
        try:
            own = ipaddress.IPv4Interface(row[3] + (row[4] or "/32"))
        except ValueError as error:
            raise unparsable(SOURCE, line) from error
        addresses.append(Address(row[2], str(own.ip), own.network, row[5].rstrip("\\")))
    return tuple(addresses)
