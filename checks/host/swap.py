"""H: swap, which kubelet refuses to start with."""

from __future__ import annotations

from dlws.engine.check import check, expect
from dlws.facts.boot_commands import boot_commands_that
from dlws.facts.swap import swap_at_boot
from dlws.parse.host import swaps
from dlws.parse.storage import fstab
from dlws.remote.host import Host


@check("H09", section="3.11", source="kubeadm Swap", title_zh="swap 当前已关闭", fix="swapoff -a")
def test_swap_is_off(host: Host) -> None:
    """Swap is off now."""
    expect("swap areas in use", found=[a.path for a in swaps.parse(host.read("cat /proc/swaps"))], expected=[])


@check(
    "H10",
    section="3.11",
    source="kubespray#2348",
    title_zh="重启后 swap 仍关闭",
    fix="comment out the swap lines of /etc/fstab; systemctl daemon-reload; disable and mask the units; remove zram's"
    " package; take swapon out of rc.local and cron",
)
def test_swap_stays_off(host: Host) -> None:
    """Swap stays off after a reboot: no /etc/fstab line, systemd unit, service or command at boot turns it on."""
    text = host.read("cat /etc/fstab")
    lines = [f"/etc/fstab line {e.line}: {e.spec}" for e in fstab.live_swaps(text)]
    commands = [str(command) for command in boot_commands_that(host, lambda c: c.turns_swap_on)]
    expect("swap entries active at boot", found=lines + swap_at_boot(host, text) + commands, expected=[])
