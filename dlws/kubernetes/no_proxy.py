"""Proxies in an environment, and what NO_PROXY leaves to them. Matching as Go does it (httpproxy)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "proxy settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """One environment: the names of its proxy variables (their values may hold a password) and NO_PROXY's entries."""

    source: str
    proxies: tuple[str, ...]
    exempt: tuple[str, ...]

    def leaves_out(self, wanted: Iterable[str]) -> list[str]:
        """Those of the networks, addresses and `.domains` that would go through the proxy; none without a proxy."""
        return [one for one in wanted if self.proxies and not any(_covers(entry, one) for entry in self.exempt)]


def parse(text: str) -> tuple[Settings, ...]:
    """Lines `== SOURCE`, then `HTTP_PROXY` or `https_proxy` for each one set, and `no_proxy=...`."""
    found: list[Settings] = []
    for line in lines(SOURCE, text):
        if line.startswith("== "):
            found.append(Settings(line[3:], (), ()))
        elif not found:
            raise unparsable(SOURCE, line)
        elif re.fullmatch(r"(?i)https?_proxy", line):
            found[-1] = Settings(found[-1].source, (*found[-1].proxies, line), found[-1].exempt)
        elif line.lower().startswith("no_proxy="):
            entries = (entry.strip() for entry in line.partition("=")[2].split(","))
            found[-1] = Settings(found[-1].source, found[-1].proxies, tuple(e for e in entries if e))
        else:
            raise unparsable(SOURCE, line)
    return tuple(found)


def _covers(entry: str, wanted: str) -> bool:
    if entry == "*":
        return True
    try:
        inner, outer = ipaddress.ip_network(wanted, strict=False), ipaddress.ip_network(entry, strict=False)
        return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
    except ValueError:
        return f".{wanted.lstrip('.')}".endswith(f".{entry.lstrip('.')}")
