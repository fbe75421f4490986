"""Runbook 3.11, its first step: swap. On every host, not on the master alone, and for every later boot."""

from __future__ import annotations

from checks import swap
from cluster.parse import fstab
from fixtures.stage import stage
from remote.change import Change
from remote.host import Host


@stage(section="3.11", after="admin_user", proves=[swap.test_swap_is_off, swap.test_swap_stays_off])
def test_swap_off(host: Host, change: Change) -> None:
    """Turn swap off, now and for every later boot: kubelet refuses to start with swap."""
    change.run("swapoff -a")
    change.edit_file("/etc/fstab", fstab.comment_out_swap)
    change.run("systemctl daemon-reload")  # forgets the units it had made of those lines
    for unit in swap.enabled_units(host):
        change.run("systemctl mask %s", unit)
