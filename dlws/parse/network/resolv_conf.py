"""/etc/resolv.conf: name servers and search domains (runbook 2.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "resolv.conf"
ENDS_WITH_CR = "ends with a carriage return"


_KEYWORDS = frozenset({"nameserver", "search", "domain", "options", "sortlist"})


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """The settings in force, see resolv.conf(5): the last `search` or `domain` wins, `options` accumulate."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    options: tuple[str, ...]
    unread: tuple[str, ...] = ()
    """Lines with a setting that glibc passes over for their form: `line 2, indented: search sigsus.cn`."""

    def searches(self, domain: str) -> bool:
        """Whether a domain is among those that are searched; names in DNS have no case, and may end with a dot."""
        return domain.lower() in [name.lower().removesuffix(".") for name in self.search]


def parse(text: str) -> ResolvConf:
    """What glibc reads in a resolv.conf (2.36, res_init.c): a keyword at the start of a line, a blank, and values.

    It passes over a setting without a value, any other keyword and all other lines. A carriage return is part of the
    last value, which nothing is called. Raises Unparsable for an address in a form that is not known here.
    """
    if "\0" in text:
        raise unparsable(SOURCE, why="NUL in the file")
    nameservers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    unread: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        written = line.removeprefix("\ufeff").split()
        if not written or written[0] not in _KEYWORDS:
            continue
        flaw = _flaw(line)
        unread += [f"line {number}, {flaw}: {line.strip()}"] if flaw else []
        values = written[1:-1] if flaw == ENDS_WITH_CR else written[1:]
        if flaw not in ("", ENDS_WITH_CR) or len(written) == 1:
            continue
        match written[0]:
            case "nameserver":
                nameservers += [_address(value, line) for value in values[:1]]
            case "search":
                search = values
            case "domain":
                search = values[:1]
            case "options":
                options += values
    return ResolvConf(tuple(nameservers), tuple(search), tuple(options), tuple(unread))


def _flaw(line: str) -> str:
    if line.startswith("\ufeff"):
        return "behind a byte-order mark"
    if line[0].isspace():
        return "indented"
    return ENDS_WITH_CR if line.endswith("\r") and not line[-2].isspace() else ""


def written_servers(text: str) -> tuple[str, ...]:
    """The name servers on any line, indented or not: the kubelet hands these to pods (its parseResolvConf)."""
    rows = [line.split() for line in lines(SOURCE, text)]
    return tuple(_address(row[1], " ".join(row)) for row in rows if row[0] == "nameserver" and len(row) > 1)


def loopback(servers: Sequence[str]) -> tuple[str, ...]:
    """Those on the host itself, which a pod that inherits them cannot reach (kubeadm#1162)."""
    return tuple(server for server in servers if ipaddress.ip_address(server).is_loopback)


def with_search(text: str, domain: str, nameservers: Sequence[str] = ()) -> str:
    """A resolvconf base file that also searches `domain`, and keeps name servers that nothing else would provide.

    Existing domains and servers stay where they are; a text that already has everything is returned unchanged.
    """
    current = parse(text)
    kept = [line for line in text.splitlines() if line.split()[:1] != ["search"]]
    search = [*current.search, *([] if current.searches(domain) else [domain])]
    servers = [f"nameserver {server}" for server in nameservers if server not in current.nameservers]
    edited = "\n".join([*kept, *servers, f"search {' '.join(search)}"]) + "\n"
    return text if current.searches(domain) and not servers else edited


def _address(text: str, line: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise unparsable(SOURCE, line) from error
    return text
