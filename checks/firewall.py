"""N: firewalls of the hosts, which the runbook wants off."""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, preflight
from dlws.facts.boot_commands import boot_commands_that
from dlws.facts.files import text_of
from dlws.facts.firewall import (
    SAVED,
    fate_beside_input,
    fate_of_incoming,
    input_chains,
    nft_fate,
    saved_rules,
    ufw_is_active,
)
from dlws.facts.unit_files import units_at_boot
from dlws.inventory import Node
from dlws.remote.host import Host
from dlws.verdict import Unknown


@preflight
@check(
    "N07",
    section="2.1",
    source="runbook 2.1, kubeadm Firewalld",
    title_zh="防火墙已关闭",
    fix="ufw disable; systemctl disable --now firewalld; iptables -P INPUT ACCEPT, -D INPUT <rule>; nft delete table",
)
def test_firewall_is_off(node: Node, cluster: Cluster, host: Host) -> None:
    """No firewall keeps out what hosts, pods and users send: ufw, firewalld, nft, iptables' chains up to INPUT."""
    on = ["ufw"] if ufw_is_active(host) else []
    on += ["firewalld"] if host.service("firewalld").active_state not in ("inactive", "failed") else []
    chains, hidden = input_chains(host)
    on += [f"INPUT chain policy {chain.policy}" for chain in chains if chain.policy != "ACCEPT"]
    fate, (closed, doubts) = fate_of_incoming(node, cluster, host, chains), nft_fate(host)
    early = fate_beside_input(node, cluster, host)
    on += [f"INPUT chain rule {rule}" for rule in fate.dropped_by] + list(early.dropped_by)
    expect("active firewalls", found=on + closed, expected=[])
    doubts += [f"INPUT chain rule {rule}" for rule in fate.doubts] + list(early.doubts)
    doubts += ["rules in the other back end of iptables, which could not be listed"] if hidden else []
    if doubts:
        raise Unknown(f"{host.name}: whether these keep packets out cannot be said: {'; '.join(doubts)}")


OF_PACKAGES = ("shorewall", "shorewall-lite", "ferm", "firehol", "arno-iptables-firewall", "csf")
"""Services of Debian's and Ubuntu's other packages of firewalls, and of ConfigServer's, that load rules at boot."""


@check(
    "N33",
    section="2.1",
    source="runbook 2.1",
    title_zh="重启后防火墙仍关闭",
    causes=[test_firewall_is_off],
    fix="ufw disable; systemctl disable <each that is named>; take the command out of its file",
)
def test_firewall_stays_off(node: Node, cluster: Cluster, host: Host) -> None:
    """No firewall starts at boot: ufw, firewalld, nftables, another package's, saved rules, or a command at boot.

    The service of nftables begins by deleting the rules of Docker and Kubernetes. That of ufw is always enabled;
    whether it filters is in its configuration.
    """
    ufw = re.search(r"(?im)^[ \t]*ENABLED[ \t]*=[ \t]*[\"']?yes\b", text_of(host, "/etc/ufw/ufw.conf") or "")
    starting = [name for name in ("firewalld", "nftables") if host.service(name).is_enabled]
    packaged = units_at_boot(host, *(f"{name}.service" for name in OF_PACKAGES))
    starting += [name.removesuffix(".service") for name in packaged]
    saved = saved_rules(node, cluster, host)
    rules = [f"{SAVED}: {rule}" for rule in saved.dropped_by]
    rules += [str(command) for command in boot_commands_that(host, lambda c: c.closes_ports)]
    expect("firewalls that start at boot", found=[*(["ufw"] if ufw else []), *starting, *rules], expected=[])
    if saved.doubts:
        raise Unknown(f"whether these rules of {SAVED} keep packets out cannot be said: {'; '.join(saved.doubts)}")
