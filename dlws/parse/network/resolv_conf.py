"""/etc/resolv.conf: name servers and search domains (runbook 2.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "resolv.conf"


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """The effective settings, see resolv.conf(5): the last `search` or `domain` wins, `options` accumulate."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def loopback_servers(self) -> tuple[str, ...]:
        """Name servers on the host itself, which a pod that inherits them cannot reach (kubeadm#1162)."""
        return tuple(server for server in self.nameservers if ipaddress.ip_address(server).is_loopback)


def parse(text: str) -> ResolvConf:
    """The text of a resolv.conf. Raises Unparsable for an unknown keyword or an invalid address."""
    nameservers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in lines(SOURCE, text):
        if line.lstrip().startswith(("#", ";")):
            continue
        keyword, *values = line.split()
        if not values and keyword != "search":
            raise unparsable(SOURCE, line)
        match keyword:
            case "nameserver":
                nameservers.append(_address(values[0], line))
            case "search":
                search = values
            case "domain":
                search = values[:1]
            case "options":
                options += values
            case "sortlist":
                pass
            case _:
                raise unparsable(SOURCE, line)
    return ResolvConf(tuple(nameservers), tuple(search), tuple(options))


def with_search(text: str, domain: str, nameservers: Sequence[str] = ()) -> str:
    """A resolvconf base file that also searches `domain`, and keeps name servers that nothing else would provide.

    Existing domains and servers stay where they are; a text that already has everything is returned unchanged.
    """
    current = parse(text)
    kept = [line for line in text.splitlines() if line.split()[:1] != ["search"]]
    search = [*current.search, *([] if domain in current.search else [domain])]
    servers = [f"nameserver {server}" for server in nameservers if server not in current.nameservers]
    edited = "\n".join([*kept, *servers, f"search {' '.join(search)}"]) + "\n"
    return text if domain in current.search and not servers else edited


def _address(text: str, line: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise unparsable(SOURCE, line) from error
    return text
