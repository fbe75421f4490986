"""`exportfs -v`: what an NFS server exports now, and to whom."""

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
_ROW = re.compile(r"(/.*?)?\s+(\S+)\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Export:
    """One folder exported to one client: a host, a range, a pattern, or everybody. Options as exportfs prints them."""

    path: str
    client: str
    options: tuple[str, ...]

    def reaches(self, node: Node) -> int | None:
        """How exactly the client means a host: 0 by name or address to 3 for everybody; None if it does not.

        The order of exports(5); a netgroup means nobody here, as only the server can resolve it.
        """
        if self.client in (WORLD, "*"):
            return 3
        if self.client in (node.name, node.fqdn, node.address):
            return 0
        try:
            return 1 if ipaddress.ip_address(node.address) in ipaddress.ip_network(self.client, strict=False) else None
        except ValueError:
            pattern = any(c in self.client for c in "*?[")
            return 2 if pattern and any(fnmatch.fnmatch(n, self.client) for n in (node.name, node.fqdn)) else None


def parse(text: str) -> tuple[Export, ...]:
    """All exports; an empty text says that there are none. A path of 15 characters or more stands on its own line."""
    found: list[Export] = []
    pending: str | None = None
    for line in lines(SOURCE, text):
        row = _ROW.fullmatch(line)
        if row is None and pending is None and line.startswith("/"):
            pending = line
            continue
        path = row[1] or pending if row else None
        if row is None or path is None or (row[1] and pending):
            raise unparsable(SOURCE, line)
        found.append(Export(path, row[2], tuple(row[3].split(","))))
        pending = None
    if pending is not None:
        raise unparsable(SOURCE, pending, "cut off after")
    return tuple(found)


def to(exports: tuple[Export, ...], path: str, node: Node) -> Export | None:
    """The export of a folder that holds for a host: the one that means it most exactly; None if it gets none."""
    ranked = [(rank, e) for e in exports if e.path == path and (rank := e.reaches(node)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None
