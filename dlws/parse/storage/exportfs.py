"""`exportfs -v`: what an NFS server currently exports, and to whom."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from dataclasses import dataclass

from dlws.inventory import Node
from dlws.parse.text import lines, unparsable

SOURCE = "exportfs -v"
WORLD = "<world>"
"""How exportfs prints the client `*`."""
_ROW = re.compile(r"(/.*?)?\s+(\S+)\(([^()]+)\)")


@dataclass(frozen=True, slots=True)
class Export:
    """A folder exported to a client: a host, a network, a pattern, or everyone. Options as printed by exportfs."""

    path: str
    client: str
    options: tuple[str, ...]

    def reaches(self, node: Node) -> int | None:
        """How specifically the client matches a host: 0 by name or address, 1 network, 2 pattern, 3 everyone, or None.

        The order is that of exports(5). A netgroup never matches, as only the server can resolve it.
        """
        if self.client in (WORLD, "*"):
            return 3
        if self.client in (node.name, node.fqdn, node.address):
            return 0
        try:
            return 1 if ipaddress.ip_address(node.address) in ipaddress.ip_network(self.client, strict=False) else None
        except ValueError:
            return 2 if any(fnmatch.fnmatch(n, self.client) for n in (node.name, node.fqdn)) else None


def parse(text: str) -> tuple[Export, ...]:
    """All exports; empty output means none. A path of 15 or more characters is on a line by itself."""
    exports: list[Export] = []
    pending: str | None = None
    for line in lines(SOURCE, text):
        row = _ROW.fullmatch(line)
        if row is None and pending is None and line.startswith("/"):
            pending = line
            continue
        path = row[1] or pending if row else None
        if row is None or path is None or (row[1] and pending):
            raise unparsable(SOURCE, line)
        exports.append(Export(path, row[2], tuple(row[3].split(","))))
        pending = None
    if pending is not None:
        raise unparsable(SOURCE, pending, "cut off after")
    return tuple(exports)


def to(exports: tuple[Export, ...], path: str, node: Node) -> Export | None:
    """The export of a folder that applies to a host, which is the most specific one; None if there is none."""
    ranked = [(rank, e) for e in exports if e.path == path and (rank := e.reaches(node)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None
