"""What an NFS server exports, and to whom: `exportfs -v` now, exports(5) at its next start."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dlws.inventory import Node
from dlws.parse.text import lines, unescaped, unparsable

SOURCE = "exportfs -v"
WORLD = "<world>"
"""How exportfs prints the client `*`."""
EXPORTS = "/etc/exports"
_WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')
_CLIENT = re.compile(r"(?P<name>[^()]*)(?:\((?P<options>[^()]*)\))?")
_ROW = re.compile(r"(/.*?)?\s+(\S+)\(([^()]+)\)")


@dataclass(frozen=True, slots=True)
class Export:
    """A folder exported to a client: a host, a network, a pattern, or everyone. Options as printed by exportfs."""

    path: str
    client: str
    options: tuple[str, ...]

    @property
    def is_for_everyone(self) -> bool:
        """Whether every address is a client: of `*`, and of a network that is all of them, 0.0.0.0/0."""
        return self.client in (WORLD, "*") or re.fullmatch(r".*/0(?:\.0\.0\.0)?", self.client) is not None

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


def at_start(text: str) -> tuple[Export, ...]:
    """The files of exports(5), one behind the other, as `exportfs -r` reads them when the server starts.

    Options are those written; a client without `rw` may read only. A blank before the bracket, `atlas02 (rw)`, gives
    them to everyone: exports(5) warns of it. Raises Unparsable for a line that exportfs would refuse.
    """
    exports: list[Export] = []
    for line in lines(EXPORTS, re.sub(r"\\\n", " ", text)):
        words = [word.replace('"', "") for word in _WORD.findall(line.partition("#")[0])]
        if not words:
            continue
        path = unescaped(words[0])
        usual: tuple[str, ...] = ()
        if not path.startswith("/"):
            raise unparsable(EXPORTS, line)
        for word in words[1:] or [WORLD]:
            client = _CLIENT.fullmatch(word)
            if word.startswith("-"):
                usual = tuple(word[1:].split(","))
            elif client is None:
                raise unparsable(EXPORTS, line)
            else:
                own = tuple(option for option in (client["options"] or "").split(",") if option)
                exports.append(Export(path.rstrip("/") or "/", client["name"] or WORLD, _in_force(usual, own)))
    return tuple(exports)


def _in_force(usual: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """The options of a client: the last of `ro` and `rw` counts."""
    written = [*usual, *own]
    mode = next((option for option in reversed(written) if option in ("ro", "rw")), "ro")
    return (mode, *(option for option in written if option not in ("ro", "rw")))


def above(exports: tuple[Export, ...], path: str) -> list[Export]:
    """The exports of the folders that a folder lies in."""
    return [e for e in exports if _is_in(path, e.path) and not _is_in(e.path, path)]


def giving(exports: tuple[Export, ...], path: str, mounted: Iterable[str]) -> list[Export]:
    """The exports by which a client has a folder or a part of it: its own, those of folders in it and above it.

    Of a folder above it a client does not see what is mounted in there, without `crossmnt` (exports(5)).
    """
    points = [point for point in mounted if _is_in(path, point)]
    wider = [e for e in above(exports, path) if "crossmnt" in e.options or all(_is_in(e.path, p) for p in points)]
    return [e for e in exports if _is_in(e.path, path)] + wider


def _is_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def to(exports: tuple[Export, ...], path: str, node: Node) -> Export | None:
    """The export of a folder that applies to a host, which is the most specific one; None if there is none."""
    ranked = [(rank, e) for e in exports if e.path == path and (rank := e.reaches(node)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None
