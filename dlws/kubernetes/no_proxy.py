"""The proxy settings of an environment, and what NO_PROXY exempts. Matches as Go does (httpproxy)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from dlws.parse.text import lines, unparsable

SOURCE = "proxy settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """One environment: the names of its proxy variables (their values may hold a password) and NO_PROXY's entries."""

    source: str
    proxies: tuple[str, ...]
    exempt: tuple[str, ...]

    def leaves_out(self, destinations: Iterable[str]) -> list[str]:
        """Those of the networks, addresses and `.domains` that would use the proxy; empty if there is no proxy."""
        return [*_left_out(self.exempt, tuple(destinations))] if self.proxies else []


def entries(no_proxy: str) -> tuple[str, ...]:
    """The entries of NO_PROXY."""
    return tuple(entry.strip() for entry in no_proxy.split(",") if entry.strip())


def parse(text: str) -> tuple[Settings, ...]:
    """Parse lines `== SOURCE`, then `HTTP_PROXY` or `https_proxy` for each one set, and `no_proxy=...`."""
    settings: list[Settings] = []
    for line in lines(SOURCE, text):
        if line.startswith("== "):
            settings.append(Settings(line[3:], (), ()))
        elif not settings:
            raise unparsable(SOURCE, line)
        elif re.fullmatch(r"(?i)https?_proxy", line):
            settings[-1] = Settings(settings[-1].source, (*settings[-1].proxies, line), settings[-1].exempt)
        elif line.lower().startswith("no_proxy="):
            settings[-1] = Settings(settings[-1].source, settings[-1].proxies, entries(line.partition("=")[2]))
        else:
            raise unparsable(SOURCE, line)
    return tuple(settings)


@lru_cache(maxsize=64)  # the hosts of a cluster, of each of which each host asks, share few settings
def _left_out(exempt: tuple[str, ...], destinations: tuple[str, ...]) -> tuple[str, ...]:
    named = frozenset(exempt)
    return tuple(d for d in destinations if d not in named and not any(_covers(entry, d) for entry in exempt))


def _covers(entry: str, destination: str) -> bool:
    if entry == "*":
        return True
    try:
        inner, outer = ipaddress.ip_network(destination, strict=False), ipaddress.ip_network(entry, strict=False)
        return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
    except ValueError:
        domain = entry.lower().removeprefix("*.").lstrip(".")
        return f".{destination.lstrip('.')}".endswith(f".{domain}")
