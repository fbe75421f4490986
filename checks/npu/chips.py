"""P: the health of the NPUs' chips, by npu-smi and the PCI bus (P06 to P11, P24, P26, P27, P30)."""

from __future__ import annotations

import re

from checks.npu import presence as npu
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import npu_hosts
from dlws.facts.ascend import (
    ChipState,
    chip_name,
    chips,
    ecc_of,
    faulty_chips_of,
    hccs_answers,
    health_of,
    links_on_bus,
    states_of,
    work_modes,
)
from dlws.parse.accelerators import ascend_faults, ascend_models, npu_chip, npu_smi
from dlws.parse.accelerators.npu_chip import Ecc
from dlws.parse.accelerators.npu_smi import Health
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

PAGES = 56
"""Isolated pages: a chip has 64 of them to spare."""
HOTTEST = 80  # degrees Celsius
WORDS = {"aicore_cur_freq": "clock", "aicore_freq": "clock", "aicore_percent": "load", "power": "power"}
"""What a finding calls the fields of `Common`."""
NOT_TOLD = re.compile("does not support querying|Error parameter of -t")
"""What npu-smi says that cannot tell something, of this server or at all."""


@check(
    "P06",
    section="2.1",
    source="npu-smi",
    on=npu_hosts,
    title_zh="NPU 芯片均已启动且没有重要或紧急告警",
    causes=[npu.test_npu_tools_work],
    fix="look up the code in Huawei's fault codes; drain the host, then reset or replace the chip; one that has not"
    " started may do so within minutes of a boot",
)
def test_npu_health(host: Host) -> None:
    """No chip raises an alarm, and each has started; no card counts a faulty chip.

    Each chip is queried itself, since its card's management unit may be healthy when the chip is not. Of one that does
    not exist or has not started npu-smi says UNKNOWN.
    """
    found = health_of(host)
    ill = [
        f"{name} {' '.join([chip.health.value.capitalize(), *chip.error_codes])}{advice(chip.error_codes)}"
        for name, chip in found.items()
        if chip.health in (Health.ALARM, Health.CRITICAL)
    ]
    expect("chips that raise an alarm", found=ill, expected=[])
    gone = [name for name, chip in found.items() if chip.health is Health.UNKNOWN]
    expect("chips that do not exist any more or have not started (UNKNOWN)", found=gone, expected=[])
    faulty = [f"card {card}: {count}" for card, count in faulty_chips_of(host).items() if count]
    expect("cards with faulty chips", found=faulty, expected=[])


@check(
    "P26",
    section="2.1",
    source="npu-smi",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 芯片没有一般告警",
    causes=[npu.test_npu_tools_work],
    fix="look up the code in Huawei's fault codes; watch the chip",
)
def test_npu_health_without_warning(host: Host) -> None:
    """No chip reports a warning."""
    found = [name for name, chip in health_of(host).items() if chip.health is Health.WARNING]
    expect("chips that report a warning", found=found, expected=[])


@check(
    "P07",
    section="2.1",
    source="npu-smi",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 芯片无故障码",
    causes=[npu.test_npu_tools_work],
    fix="look up the code in Huawei's fault codes, which say what to restart",
)
def test_npu_error_codes(host: Host) -> None:
    """No chip reports a fault code.

    How serious it is shows in the chip's health (P06).
    """
    codes = [
        f"{name} {' '.join(chip.error_codes)}{advice(chip.error_codes)}"
        for name, chip in health_of(host).items()
        if chip.error_codes
    ]
    expect("chips with fault codes", found=codes, expected=[])


@check(
    "P08",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU HBM 容量完整且一致",
    causes=[npu.test_npu_tools_work],
    fix="reset the chip; if memory is still missing, replace the card",
)
def test_npu_memory(host: Host) -> None:
    """Every chip has the full HBM of its model, the same on all chips."""
    found = npu_smi.info(host.read("npu-smi info")).chips
    rows = {chip.name: ascend_models.find(chip.name) for chip in found}
    if all(row is not None and not row.hbm for row in rows.values()):
        raise NotApplicable(f"{', '.join(sorted(rows))} has no HBM")
    most = max(chip.hbm_total or 0 for chip in found)
    short = [f"NPU {chip.npu} {chip.hbm_total} MB" for chip in found if chip.hbm_total not in (most, None)]
    expect("chips with less HBM than others", found=short, expected=[])
    sizes = {chip.name: ascend_models.hbm_size(chip.name) or most for chip in found}
    wrong = [f"NPU {chip.npu} {chip.hbm_total} MB" for chip in found if chip.hbm_total not in (sizes[chip.name], None)]
    expect("chips with the wrong HBM size", found=wrong, expected=[])
    if silent := [f"NPU {chip.npu}" for chip in found if chip.hbm_total is None]:
        raise Unknown(f"npu-smi does not report the HBM size of {', '.join(silent)}")


@check(
    "P09",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    title_zh="NPU 显存无双比特错误且隔离页未近上限",
    causes=[npu.test_npu_tools_work],
    fix="drain the host and reset the chip; if errors recur or pages run out, replace the card",
)
def test_npu_memory_errors(host: Host) -> None:
    """No chip's memory has had a double-bit error since power-on, or is near its limit of 64 isolated pages."""
    found = ecc_of(host)
    double = [f"{name} {ecc.double}" for name, ecc in found if ecc.double]
    expect("chips with double-bit errors", found=double, expected=[])
    worn = [f"{name} {pages(ecc)}" for name, ecc in found if pages(ecc) >= PAGES]
    expect(f"chips with {PAGES} or more isolated pages", found=worn, expected=[])


@check(
    "P27",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 显存无隔离页",
    causes=[npu.test_npu_tools_work],
    fix="watch the chip; replace it before 64 pages are isolated",
)
def test_npu_pages(host: Host) -> None:
    """No chip has isolated memory pages."""
    found = [f"{name} {pages(ecc)}" for name, ecc in ecc_of(host) if pages(ecc)]
    expect("chips with isolated pages", found=found, expected=[])


@check(
    "P10",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 温度、空闲功耗与频率正常",
    causes=[npu.test_npu_tools_work],
    fix="check the fans, the airflow and the power supplies; for a single odd chip, its card",
)
def test_npu_temperature_power_and_clock(host: Host) -> None:
    """No chip is above 80 °C; none works below its rated clock; an idle first-generation 910 draws 50 to 110 W at it.

    Later chips lower their clock when they are idle, and what they draw then is not published.
    """
    found = states_of(host)
    hot = [f"{chip.name} {chip.state.temperature} °C" for chip in found if chip.state.temperature > HOTTEST]
    expect(f"chips above {HOTTEST} °C", found=hot, expected=[])
    slow = [
        f"{chip.name} {reported(chip, 'aicore_cur_freq'):g} of {reported(chip, 'aicore_freq'):g} MHz"
        for chip in found
        if reported(chip, "aicore_cur_freq") != reported(chip, "aicore_freq") and (is_steady(chip) or is_busy(chip))
    ]
    expect("chips off their rated clock", found=slow, expected=[])
    idle = [chip for chip in found if is_steady(chip) and not is_busy(chip)]
    least, most = ascend_models.IDLE_POWER
    odd = [f"{chip.name} {chip.state.power} W" for chip in idle if not least <= reported(chip, "power") <= most]
    expect(f"idle chips that do not draw {least:g} to {most:g} W", found=odd, expected=[])


@check(
    "P11",
    section="2.1",
    source="ascend-dmi",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU PCIe 链路宽度与速率达到芯片能力",
    fix="reseat the card; then try another card, then another slot",
)
def test_npu_links(host: Host) -> None:
    """Every NPU's PCIe link runs at the chip's full width and speed."""
    found = links_on_bus(host)
    silent = [address for address, link in found.items() if link is None]
    expect("NPUs that do not answer on the PCI bus", found=silent, expected=[])
    expect_that(found, "NPUs on the PCI bus", found="none", expected="at least one")
    short = [
        f"{address} x{link.width} at {link.speed:g} GT/s of x{link.most_width} at {link.most_speed:g} GT/s"
        for address, link in found.items()
        if link is not None and (link.width, link.speed) != (link.most_width, link.most_speed)
    ]
    expect("NPUs with a narrow or slow PCIe link", found=short, expected=[])


@check(
    "P24",
    section="2.1",
    source="Ascend HCCL FAQ",
    on=npu_hosts,
    severity=Severity.INFO,
    title_zh="训练服务器 NPU 工作模式为 SMP",
    causes=[npu.test_npu_tools_work],
    fix="power off the host, run ipmcset -d npuworkmode -v 1 on its iBMC, and power it on",
)
def test_npu_work_mode(host: Host) -> None:
    """Every 910 of an Atlas 800 works in SMP mode, as HCCL does not run in AMP mode."""
    answers = work_modes(host)
    rows = {chip.name: ascend_models.generation(chip.name) for chip in answers.chips}
    if later := sorted(name for name, row in rows.items() if not row.has_work_modes):
        raise NotApplicable(f"{', '.join(later)} does not have both modes")
    if all(NOT_TOLD.search(text) for _, text in answers.answers.by_call.values()):
        raise NotApplicable("npu-smi does not report the work mode here; run ipmcget -d npuworkmode on the iBMC")
    found = {npu: npu_chip.work_mode(answers.card(npu, "work-mode")) for npu in answers.cards}
    expect("cards in AMP mode", found=[f"card {npu}" for npu, mode in found.items() if mode != "SMP"], expected=[])


@check(
    "P30",
    section="2.1",
    source="npu-smi",
    on=npu_hosts,
    title_zh="NPU 之间的 HCCS 链路正常且未降 lane",
    causes=[npu.test_npu_tools_work],
    fix="reset all chips of the host together, or power it off and on; then look for the card whose links are bad"
    " (npu-smi info -t hccs -i <n> -c <c>) and replace it",
)
def test_npu_hccs_links(host: Host) -> None:
    """Of each chip's HCCS links to the others of its server none is down or runs on part of its lanes.

    npu-smi tells it from the 910B on. HCCL does not come up without them, or is slow.
    """
    names = {chip.name: ascend_models.generation(chip.name) for chip in chips(host)}
    if dumb := sorted(name for name, row in names.items() if not row.has_hccs_status):
        raise NotApplicable(f"npu-smi does not report the HCCS links of {', '.join(dumb)}")
    answers = hccs_answers(host)
    if all(NOT_TOLD.search(text) for _, text in answers.answers.by_call.values()):
        raise NotApplicable("this npu-smi does not report HCCS links")
    found = {chip_name(chip): npu_chip.hccs(answers.hccs(chip)) for chip in answers.chips}
    wrong = [f"{name} NOK" for name, hccs in found.items() if not hccs.is_sound]
    wrong += [
        f"{name} link {link} on {lanes} of {max(hccs.lanes)} lanes"
        for name, hccs in found.items()
        for link, lanes in hccs.narrowed.items()
    ]
    expect("NPUs with bad HCCS links", found=wrong, expected=[])


def advice(codes: tuple[str, ...]) -> str:
    """What Huawei's table of fault codes says is to be done about them, ` (reset the chip)`; empty for none it has."""
    action = ascend_faults.action(codes)
    return f" ({action})" if action else ""


def is_steady(chip: ChipState) -> bool:
    """Whether a chip like this keeps its clock when it is idle."""
    return ascend_models.keeps_its_clock(chip.model, int(reported(chip, "aicore_freq")))


def is_busy(chip: ChipState) -> bool:
    """Whether a chip works."""
    return reported(chip, "aicore_percent") > 0


def pages(ecc: Ecc) -> int:
    """How many pages of its memory a chip has isolated."""
    return ecc.single_pages + ecc.double_pages


def reported(chip: ChipState, field: str) -> float:
    """A value of a chip. Unknown where npu-smi says NA."""
    value = getattr(chip.state, field)
    if value is None:
        raise Unknown(f"npu-smi does not report the {WORDS[field]} of {chip.name}")
    return float(value)
