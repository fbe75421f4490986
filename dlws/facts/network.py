"""The network interfaces of a host: their addresses, MAC addresses, MTUs and counters; proxies; weave."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from dlws.facts.docker import docker_of
from dlws.inventory import Node
from dlws.kubernetes import no_proxy
from dlws.parse.network import bonding, ip_addr, ip_route, network_manager, resolv_conf
from dlws.parse.network.ip_route import Route
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown

READ_MACS: Final = (
    "cd /sys/class/net && for i in */; do i=${i%/}; if test -e $i/device; then k=physical; else k=virtual; fi;"
    ' echo "$i $k $(cat $i/address)"; done'
)
_INTERFACE_ROW = re.compile(r"(\S+) (physical|virtual) ?((?:[0-9a-f]{2}:?)*)")
"""A row of READ_MACS; a tunnel (tun0, WireGuard) has no MAC address."""
_READ_STATES = (
    "for i in */; do i=${i%/}; if test -e $i/device && test $(cat $i/operstate) = up; then"
    " s=$(cat $i/speed) || s=-1; d=$(cat $i/duplex) || d=unknown; echo $i $s $d $(cat $i/carrier_changes)"
    " $(cat $i/statistics/rx_errors) $(cat $i/statistics/tx_errors); fi; done"
)
READ_STATES: Final = f"cd /sys/class/net && {_READ_STATES} && sleep 1 && echo == && {_READ_STATES}"
READ_BONDS: Final = 'set -e; for f in /proc/net/bonding/*; do if test -f "$f"; then echo "== $f"; cat "$f"; fi; done'
READ_MANAGER: Final = (
    "for f in /usr/lib/NetworkManager/conf.d/*.conf /run/NetworkManager/conf.d/*.conf"
    ' /etc/NetworkManager/NetworkManager.conf /etc/NetworkManager/conf.d/*.conf; do [ -f "$f" ] || continue;'
    ' echo "== $f"; sed -n "/^[[:blank:]]*\\[/p; /^[[:blank:]]*dns[[:blank:]]*=/p" "$f" || exit; done'
)
"""In NetworkManager's order, no more than it says of name servers."""
ENVIRONMENT: Final = "/etc/environment"
_NAMES = (
    r"sed -n -E 's/^[[:blank:]]*(export[[:blank:]]+)?([[:alpha:]_]+)=[\x22\x27]?([^\x22\x27]*)[\x22\x27]?[[:blank:]]*$/"
    r"\2=\3/; s/^(https?_proxy)=.+/\1/Ip; s/^no_proxy=/no_proxy=/Ip'"
)
"""A line each, quoted as pam_env(8) takes it. A proxy's own address may hold a password: it stays on the host."""
READ_PROXIES: Final = (
    "set -e; for s in docker kubelet; do echo == $s; p=$(systemctl show $s -p MainPID); p=${p#MainPID=};"
    ' if ! test "$p" -gt 0; then echo "$s does not run" >&2; exit 1; fi;'
    f" e=$(tr '\\0' '\\n' </proc/$p/environ); printf '%s\\n' \"$e\" | {_NAMES}; done;"
    f' f={ENVIRONMENT}; if test -e $f; then e=$(cat $f); echo == $f; printf "%s\\n" "$e" | {_NAMES}; fi'
)
"""A service's own environment, as it runs: its unit may take it from files, which systemctl does not show."""


class Macs(NamedTuple):
    """MAC addresses of a host: of the interface with its own address, and of its physical interfaces."""

    carrier: set[str]
    physical: set[str]


class InterfaceState(NamedTuple):
    """A physical interface that is up; `speed` in Mb/s, -1 for a virtual machine's, which has none."""

    speed: int
    duplex: str
    lost_links: int
    receive_errors: int
    send_errors: int


def resolver_of(host: Host) -> resolv_conf.ResolvConf:
    """What glibc reads in /etc/resolv.conf; to the letter, because a carriage return counts."""
    return resolv_conf.parse(host.run_expect([0], "cat /etc/resolv.conf").stdout)


def files_with_dnsmasq(host: Host) -> tuple[str, ...]:
    """The files that make NetworkManager run dnsmasq: `("/etc/NetworkManager/conf.d/dns.conf",)`."""
    return network_manager.with_dnsmasq(host.read(READ_MANAGER))


def addresses_up(host: Host) -> tuple[ip_addr.Address, ...]:
    """The IPv4 addresses of the interfaces that are up."""
    return ip_addr.parse(host.read("ip -4 -o addr show up"))


def routes(host: Host) -> tuple[Route, ...]:
    """The IPv4 routes of the main table, the default route among them. Unparsable where there is none.

    Whoever has an address and a network has a route to it.
    """
    if found := ip_route.routes(host.read("ip -4 route show")):
        return found
    raise unparsable("ip -4 route show", why="it lists nothing, not even the network by which the host was asked")


def has_address(host: Host, address: str) -> bool:
    """Whether an interface of the host that is up has this address."""
    return any(one.address == address for one in addresses_up(host))


def mtu_of(host: Host, node: Node) -> int:
    """The MTU, in bytes, of the interface with the host's address: 1500. Unknown when none has it."""
    carriers = [one.interface for one in addresses_up(host) if one.address == node.address]
    if not carriers:
        raise Unknown(f"{host.name}: no network interface carries {node.address}")
    return int(host.interface(carriers[0]).mtu)


def mtus(host: Host, prefixes: Iterable[str]) -> dict[str, int]:
    """The MTUs of the interfaces whose names begin so, in bytes: `{"flannel.1": 1450}`."""
    patterns = " ".join(f"/sys/class/net/{prefix}*" for prefix in prefixes)
    rows = host.lines(f"for i in {patterns}; do if test -e $i/mtu; then echo $i:$(cat $i/mtu); fi; done")
    found = [re.fullmatch(r"/sys/class/net/(.+):([0-9]+)", row) for row in rows]
    if None in found:
        raise unparsable("/sys/class/net/*/mtu", why="listing not understood")
    return {row[1]: int(row[2]) for row in found if row}


def macs_of(host: Host, address: str) -> Macs:
    """The MAC addresses of a host with this address of its own. Unparsable when no interface has one."""
    carriers = {one.interface for one in addresses_up(host) if one.address == address}
    lines = host.lines(READ_MACS)
    rows = [_INTERFACE_ROW.fullmatch(line) for line in lines]
    torn = [line for line, row in zip(lines, rows, strict=True) if row is None]
    if torn or not any(row[3] for row in rows if row):  # `lo`, at least, has one
        raise unparsable("/sys/class/net", *(torn or lines)[:1])
    real = [row for row in rows if row and row[3] not in ("", "00:00:00:00:00:00")]
    return Macs({row[3] for row in real if row[1] in carriers}, {row[3] for row in real if row[2] == "physical"})


def interface_states(host: Host) -> tuple[dict[str, InterfaceState], dict[str, InterfaceState]]:
    """The physical interfaces that are up, by name, read twice with a second between."""
    first, mark, second = host.read(READ_STATES).partition("==")
    if not mark:
        raise unparsable("/sys/class/net", why="two readings list different interfaces")
    return _states(first), _states(second)


def _states(text: str) -> dict[str, InterfaceState]:
    found = {}
    for line in text.strip().splitlines():
        row = re.fullmatch(r"(\S+) (-?[0-9]+) (full|half|unknown) ([0-9]+) ([0-9]+) ([0-9]+)", line)
        if row is None:
            raise unparsable("/sys/class/net", line)
        found[row[1]] = InterfaceState(int(row[2]), row[3], int(row[4]), int(row[5]), int(row[6]))
    return found


def bond_members_down(host: Host) -> tuple[str, ...]:
    """The members of bonds that are not up."""
    return bonding.down(host.read(READ_BONDS))


def proxy_settings(host: Host) -> tuple[no_proxy.Settings, ...]:
    """Where a proxy is set, and what is exempt from it; a proxy's own address is not among it.

    Of Docker what it says itself, where it has a proxy: daemon.json and flags come before its environment (Docker 23).
    """
    settings, docker = no_proxy.parse(host.read(READ_PROXIES)), docker_of(host)
    own = no_proxy.Settings("docker", docker.proxies, no_proxy.entries(docker.no_proxy))
    return tuple(own if each.source == own.source and own.proxies else each for each in settings)


def has_weave(host: Host) -> bool:
    """Whether weave is the host's pod network: it makes a bridge of its name."""
    return bool(host.interface("weave").exists)
