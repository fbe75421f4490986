"""`ip -4 route` and `ip -4 neigh`: routes, and the hardware addresses of neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import pairwise

from dlws.parse.text import lines, unparsable

_KINDS = ("unicast", "blackhole", "unreachable", "prohibit", "throw", "local", "broadcast", "multicast", "anycast")
_NEIGHBOUR = re.compile(
    r"([0-9.]+) dev \S+(?:\s+lladdr ([0-9a-f:]{17}|[0-9a-f:]{59}))?"  # a MAC address, or InfiniBand's 20 bytes
    r"(?:\s+(?:router|proxy|offload|extern_learn|managed|extern_valid))*(?:\s+([A-Z]+))?(?:\s+proto \S+)?"
)


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `via` and `device` are empty if it has none (blackhole)."""

    network: IPv4Network
    via: str
    device: str

    @property
    def is_default(self) -> bool:
        """True for the default route."""
        return self.network.prefixlen == 0

    def __str__(self) -> str:
        return " ".join([str(self.network), *(["via", self.via] if self.via else []), "dev", self.device or "none"])


def routes(text: str) -> tuple[Route, ...]:
    """`ip -4 route`. The next hops of a multipath route are on indented lines: it is as many routes."""
    source = "ip -4 route"
    table: list[Route] = []
    for line in lines(source, text):
        words = line.split()
        if line.startswith(("\t", " ")):
            if not table:
                raise unparsable(source, line)
            bare = table[-1] if table[-1].via or table[-1].device else table.pop()
            table.append(_through(bare.network, words))
            continue
        target = words[1] if words[0] in _KINDS and len(words) > 1 else words[0]
        try:
            network = IPv4Network("0.0.0.0/0" if target == "default" else target)
        except ValueError as error:
            raise unparsable(source, line) from error
        table.append(_through(network, words))
    return tuple(table)


def _through(network: IPv4Network, words: list[str]) -> Route:
    """A route by the words of its hop; a gateway of the other family is named so, `via inet6 fe80::1` (RFC 5549)."""
    values = dict(pairwise(words))
    via = values.get("via", "")
    return Route(network, values.get("inet6", "") if via == "inet6" else via, values.get("dev", ""))


def neighbours(text: str) -> dict[str, str]:
    """`ip -4 neigh`: the hardware address by IPv4 address, of the neighbours that have one."""
    macs = {}
    for line in lines("ip -4 neigh", text):
        row = _NEIGHBOUR.fullmatch(line.strip())
        if row is None:
            raise unparsable("ip -4 neigh", line)
        if row[2]:
            macs[row[1]] = row[2]
    return macs
