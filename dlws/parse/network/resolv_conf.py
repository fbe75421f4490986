"""/etc/resolv.conf: name servers and search domains (runbook 2.4)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "resolv.conf"
ENDS_WITH_CR = "ends with a carriage return"
NO_ADDRESS = "no address"


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

    It passes over a setting without a value, any other keyword and all other lines, and a name server that is no
    address: `192.168.3.1,` (tried). A carriage return is part of the last value, which nothing is called. Raises
    Unparsable for an address in an old form.
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
        server = _address(written[1]) if written[0] == "nameserver" and len(written) > 1 else ""
        flaw = _flaw(line) or ("" if server is not None else NO_ADDRESS)
        unread += [f"line {number}, {flaw}: {line.strip()}"] if flaw else []
        values = written[1:-1] if flaw == ENDS_WITH_CR else written[1:]
        if flaw not in ("", ENDS_WITH_CR) or len(written) == 1:
            continue
        match written[0]:
            case "nameserver":
                nameservers += [server] if server and values else []
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
    """The name servers on any line, indented or not: the kubelet hands these to pods (its parseResolvConf).

    Raises Unparsable for one that is no address: what a pod makes of it depends on its C library.
    """
    found = []
    for row in (line.split() for line in lines(SOURCE, text)):
        if row[0] != "nameserver" or len(row) == 1:
            continue
        if (server := _address(row[1])) is None:
            raise unparsable(SOURCE, " ".join(row))
        found.append(server)
    return tuple(found)


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


def _address(word: str) -> str | None:
    """The address that glibc reads in a word; None where it reads none.

    Raises Unparsable for one in an old form, which is hardly what was meant: `192.168.3` is 192.168.0.3 to it.
    """
    with suppress(ValueError):
        ipaddress.ip_address(word)
        return word
    with suppress(OSError, ValueError):
        socket.inet_aton(word)
        raise unparsable(SOURCE, word, "an old form of an address")
    return None
