"""Packet filters of a host."""

from __future__ import annotations

from typing import Final

from dlws.parse.network import firewall, iptables_save
from dlws.remote.host import Host

UFW: Final = "if command -v ufw >/dev/null; then LC_ALL=C ufw status; else echo 'ufw: not found'; fi"


def ufw_is_active(host: Host) -> bool:
    """Whether ufw filters packets."""
    return firewall.ufw_status(host.read(UFW)) is firewall.Ufw.ACTIVE


def iptables_chain(host: Host, name: str) -> firewall.Chain:
    """A chain of iptables' filter table: `iptables_chain(host, "INPUT")`. A host without iptables accepts all.

    -w: iptables 1.6.1 (Ubuntu 18.04) takes the xtables lock to read too, and ends with 4 where kube-proxy holds it.
    """
    command = f"if command -v iptables >/dev/null; then iptables -w 10 -S {name}; else echo -P {name} ACCEPT; fi"
    return firewall.iptables_chain(host.read(command))


SAVE: Final = (
    "if command -v iptables-save >/dev/null; then t=$(iptables-save) || exit;"
    """ printf '%s\\n' "$t" | sed '/^\\*nat/,/^COMMIT/d'; fi"""
)
"""Without nat, which drops nothing and holds most of kube-proxy's rules. It shows the tables that are there, where
`iptables -t raw` would load one."""


def tables(host: Host) -> dict[str, iptables_save.Table]:
    """The tables of iptables that can drop a packet, by name; none on a host without iptables."""
    return iptables_save.parse(host.read(SAVE))
