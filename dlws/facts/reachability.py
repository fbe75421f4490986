"""Whom a host reaches, and what names resolve to on it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from dlws.facts.docker import docker_of
from dlws.inventory import Node
from dlws.parse.host import getent
from dlws.parse.network import ping
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import MISSING, Host
from dlws.verdict import Unknown

EACH: Final = 'for x in {}; do {{ r=$({} "$x" 2>&1); echo $x $? $r; }} & done; wait'
"""Side by side, as each silent one would be waited for in turn. A line each: word, exit status, what was printed."""
GETENT: Final = "RES_OPTIONS='timeout:2 attempts:2' getent ahostsv4"
PING: Final = "ping -n -q -c1 -W2"
FETCH: Final = "curl -s -m 5 -o /dev/null -w %{http_code}"
CONNECT: Final = "timeout 3 bash -c 'exec 3<>/dev/tcp/${0%:*}/${0#*:}'"
REFUSED: Final = "Connection refused"
NO_ANSWER: Final = (7, 28, 35, 52, 56)
"""curl's exit statuses: refused, time-out, no TLS, nothing, cut off."""
ASK_DNS: Final = """
import socket, struct, sys
name, server = sys.argv[1:]
labels = b"".join(struct.pack("B", len(part)) + part.encode() for part in name.split("."))
query = struct.pack(">6H", 4711, 256, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, 1, 1)
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(2)
for _ in range(2):
    asked.sendto(query, (server, 53))
    try:
        _, flags, _, answers = struct.unpack(">4H", asked.recv(512)[:8])
        print("code", flags & 15, "answers", answers)
        break
    except socket.timeout:
        pass
else:
    print("no answer")
""".strip()


class HttpAnswer(NamedTuple):
    """The status of an answer, `200`; or what came instead of one."""

    status: str
    trouble: str


def http_answer(host: Host, url: str) -> HttpAnswer:
    """What a URL answers the host, whatever its certificate.

    Three tries: where the way is not there, none gets through, and a single lost handshake says nothing about it.
    """
    result = host.run_expect([0, *NO_ANSWER], "curl -sS -k -m 5 --retry 2 -o /dev/null -w '%%{http_code}' %s", url)
    if result.rc:
        return HttpAnswer("", result.stderr.strip() or "no answer")
    return HttpAnswer(result.stdout.strip()[-3:], "")  # old curls say 000 of a try that failed, too


def run_for_each(host: Host, command: str, words: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Run a command once for each word, side by side: its exit status, and what it printed on one line.

    Raises Unknown when there is no such command, Unparsable when the answer for a word is missing.
    """
    found = {}
    script = EACH.format(" ".join(map(shlex.quote, words)), command)
    for line in host.lines(script) if words else []:
        row = re.fullmatch(r"(\S+) ([0-9]{1,3})(?: (.*))?", line)
        if row is None:
            raise unparsable(command, line)
        if int(row[2]) in MISSING:
            raise Unknown(f"{host.name}: tool missing: {row[3]}")
        found[row[1]] = int(row[2]), row[3] or ""
    for word in words:
        if word not in found:
            raise unparsable(command, why=f"no answer for {word}")
    return found


def resolve(host: Host, names: list[str]) -> dict[str, frozenset[str]]:
    """The IPv4 addresses that each name has on a host; none for a name it does not know."""
    return {name: _addresses(name, *answer) for name, answer in run_for_each(host, GETENT, names).items()}


@lru_cache(maxsize=1 << 14)  # every host is answered the same by every other one
def _addresses(name: str, rc: int, text: str) -> frozenset[str]:
    found = getent.addresses(name, text) if rc in (0, 2) else frozenset()  # 2: not found
    if bool(found) is not (rc == 0):
        raise unparsable(f"{getent.SOURCE} {name}", f"{rc} {text}")
    return found


def silent_peers(host: Host, peers: Sequence[Node], options: str = "") -> list[Node]:
    """The hosts that do not answer one ping; `options` are more of ping's: `-M do -s 1472`."""
    silent = silent_addresses(host, [peer.address for peer in peers], options)
    return [peer for peer in peers if peer.address in silent]


def unreachable_endpoints(host: Host, endpoints: Sequence[str]) -> list[str]:
    """Of `address:port` those to which no TCP connection comes about. A refused one has reached its host."""
    answers = run_for_each(host, CONNECT, endpoints)
    return [where for where in endpoints if answers[where][0] and REFUSED not in answers[where][1]]


def refusing_endpoints(host: Host, endpoints: Sequence[str]) -> list[str]:
    """Of `address:port` those that take no TCP connection from the host, whether refused or unanswered."""
    answers = run_for_each(host, CONNECT, endpoints)
    return [where for where in endpoints if answers[where][0]]


def silent_addresses(host: Host, addresses: Sequence[str], options: str = "") -> list[str]:
    """The addresses that do not answer one ping; `options` are more of ping's."""
    answers = run_for_each(host, f"{PING} {options}".rstrip(), addresses)
    return [address for address in addresses if ping.parse(answers[address][1]).received == 0]


def dns_answer(host: Host, name: str, server: str) -> str:
    """What a DNS server says about a name: `code 0 answers 1`, or `no answer`."""
    answer = only_line("DNS query", host.read("python3 -c %s %s %s", ASK_DNS, name, server))
    if answer != "no answer" and not answer.startswith("code "):
        raise unparsable("DNS query", answer)
    return answer


def registry_answers_openly(host: Host, url: str) -> bool:
    """Whether a registry answers by HTTP, where Docker is told to take that of it (`insecure-registries`)."""
    registry = re.fullmatch("https://([^/]+)/v2/", url)
    if registry is None or not _is_insecure(host, registry[1]):
        return False
    ((rc, _),) = run_for_each(host, FETCH, [f"http://{registry[1]}/v2/"]).values()
    return rc == 0


def _is_insecure(host: Host, registry: str) -> bool:
    """Whether Docker is told so of a registry, `192.168.3.1:5000`: by its name, or by a range that it is in.

    A name is looked up for it (moby's registry/config.go, isCIDRMatch); that is not asked where there is no range but
    Docker's own, the loopback's.
    """
    told = docker_of(host).insecure
    if registry in told:
        return True
    ranges = [found for text in told if (found := _network(text)) and not found.is_loopback]
    name = registry.rpartition(":")[0] or registry
    own = _network(name)
    addresses = {str(own.network_address)} if own else resolve(host, [name])[name] if ranges else frozenset[str]()
    return any(ip_address(one) in each for one in addresses for each in ranges)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
