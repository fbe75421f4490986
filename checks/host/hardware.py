"""H, S: memory, disks and the board, as far as they tell of faults themselves."""

from __future__ import annotations

import re

from dlws.engine.check import check, expect
from dlws.parse.host import ipmi
from dlws.parse.storage import smart
from dlws.parse.text import number, unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

EDAC = "/sys/devices/system/edac/mc"
READ_EDAC = (
    f"set -e; cut -d. -f1 /proc/uptime; if test -d {EDAC}; then find {EDAC} -mindepth 2 -maxdepth 2"
    " -name '[uc]e_count' -exec grep -H . {} +; fi"
)
CORRECTED = 9  # a day
DAY = 86_400
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
    expect("BMC sensors in alarm", found=ipmi.faults(host.read("ipmitool sdr elist")), expected=())


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
    failing = [f"{disk}: {state}" for disk, state in states.items() if state not in ("PASSED", "OK", "")]
    expect("failing disks", found=failing, expected=[])


def counted_errors(host: Host) -> tuple[float, dict[str, int]]:
    """As `memory_errors`. NotApplicable where nothing counts."""
    days, counts = memory_errors(host)
    if not counts:
        raise NotApplicable("no memory controller on this machine counts errors (EDAC)")
    return days, counts


def memory_errors(host: Host) -> tuple[float, dict[str, int]]:
    """Days since the boot, one at least, and each counter, `mc0/ue_count`; none on a machine that counts no errors."""
    uptime, *rows = host.lines(READ_EDAC) or [""]
    found = {}
    for row in rows:
        counter = re.fullmatch(r".*/(mc[0-9]+/[uc]e_count):([0-9]{1,18})", row)
        if counter is None:
            raise unparsable("EDAC", row)
        found[counter[1]] = int(counter[2])
    return max(number("/proc/uptime", uptime) / DAY, 1.0), found
