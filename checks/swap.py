"""H: swap, which kubelet refuses to start with."""

from __future__ import annotations

from cluster.parse import fstab, swaps, systemd
from fixtures.check import check, expect
from remote.host import Host


@check("H09", section="3.11", source="kubeadm Swap", title_zh="swap 当前已关闭", fix="swapoff -a")
def test_swap_is_off(host: Host) -> None:
    """Swap is off now."""
    expect("swap areas in use", found=[a.path for a in swaps.parse(host.read("cat /proc/swaps"))], expected=[])


@check("H10", section="3.11", source="kubespray#2348", title_zh="重启后 swap 仍关闭",
       fix="comment out the swap lines in /etc/fstab; mask the .swap units")  # fmt: skip
def test_swap_stays_off(host: Host) -> None:
    """No boot turns swap on again: neither a line of /etc/fstab nor a systemd unit."""
    lines = [f"/etc/fstab line {e.line}: {e.spec}" for e in fstab.live_swaps(host.read("cat /etc/fstab"))]
    expect("what turns swap on at boot", found=lines + enabled_units(host), expected=[])


def enabled_units(host: Host) -> list[str]:
    """Swap units of the host's own. Those systemd generates from /etc/fstab are not counted twice."""
    listing = host.run("systemctl list-unit-files --type=swap --no-pager")  # newer systemds exit 1 when there is none
    files = systemd.unit_files(listing.stdout)
    return [name for name, state in files.items() if state in ("enabled", "enabled-runtime", "static")]
