"""H, S: memory, disks and the board, as far as they tell of faults themselves."""

from __future__ import annotations

from dlws.engine.check import check, expect
from dlws.facts.hardware import memory_errors
from dlws.parse.host import ipmi
from dlws.parse.storage import smart
from dlws.remote.host import MISSING, Host
from dlws.verdict import NotApplicable, Severity, Unknown

CORRECTED = 9  # a day
HAS_BMC = "test -e /dev/ipmi0 || test -e /dev/ipmi/0 || test -d /sys/firmware/dmi/entries/38-0"
READ_SMART = (
    "for d in /dev/sd[a-z] /dev/sd[a-z][a-z] /dev/nvme[0-9]n1 /dev/nvme[0-9][0-9]n1; do if test -b $d; then"
    ' echo "== $d"; smartctl -H $d 2>&1; echo "== rc $?"; fi; done'
)


@check(
    "H27",
    section="2.1",
    source="NHC hw_mcelog",
    title_zh="内存无不可纠正错误",
    fix="replace the memory module that ras-mc-ctl --errors names",
)
def test_memory_has_no_uncorrected_errors(host: Host) -> None:
    """No memory controller has counted an uncorrected error since boot."""
    _, counts = counted_errors(host)
    expect(
        "uncorrected memory errors", found=[f"{k}: {n}" for k, n in counts.items() if "/ue_" in k and n], expected=[]
    )


@check(
    "H37",
    section="2.1",
    source="NHC hw_mcelog",
    severity=Severity.WARNING,
    title_zh="内存可纠正错误未超限",
    fix="reseat or replace the memory module that ras-mc-ctl --errors names",
)
def test_memory_has_few_corrected_errors(host: Host) -> None:
    """No memory controller has corrected more than 9 errors a day since boot."""
    days, counts = counted_errors(host)
    many = [f"{key}: {n} in {days:.0f} days" for key, n in counts.items() if "/ce_" in key and n > CORRECTED * days]
    expect("memory controllers with too many corrected errors", found=many, expected=[])


@check(
    "H32",
    section="2.1",
    source="ipmitool",
    severity=Severity.WARNING,
    title_zh="BMC 传感器无严重告警",
    fix="see since when with ipmitool sel elist last 50; replace the fan or power supply named",
)
def test_board_has_no_alarm(host: Host) -> None:
    """No BMC sensor is in a critical state."""
    if host.run_expect([0, 1], HAS_BMC).rc == 1:
        raise NotApplicable("no BMC (IPMI) found")
    answer = host.run_expect([0, *MISSING], "ipmitool sdr elist")
    if answer.rc in MISSING:
        raise Unknown(f"{host.name}: tool missing: ipmitool: name it in suite.packages.node, and run -m install")
    expect("BMC sensors in alarm", found=ipmi.faults(answer.stdout), expected=())


@check(
    "S12",
    section="2.1",
    source="smartctl(8)",
    severity=Severity.WARNING,
    title_zh="磁盘 SMART 状态健康",
    fix="see smartctl -a <disk>; save its data and replace the disk",
)
def test_disks_are_healthy(host: Host) -> None:
    """Every disk with SMART reports itself healthy (virtual disks and those behind a RAID controller have none)."""
    states = smart.parse(host.read(READ_SMART))
    failing = [f"{disk}: {state}" for disk, state in states.items() if state not in smart.WELL]
    expect("failing disks", found=failing, expected=[])


def counted_errors(host: Host) -> tuple[float, dict[str, int]]:
    """As `memory_errors`. NotApplicable where nothing counts."""
    days, counts = memory_errors(host)
    if not counts:
        raise NotApplicable("no memory controller on this machine counts errors (EDAC)")
    return days, counts
