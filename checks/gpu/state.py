"""G: how the GPUs are set, linked, cooled and powered (G06, G07, G13, G16 to G19)."""

from __future__ import annotations

from checks.gpu import presence
from dlws.engine.check import active, check, expect
from dlws.engine.targets import gpu_hosts
from dlws.facts.nvidia import (
    BOUND,
    IDLE_MEMORY,
    answer_of,
    card_name,
    cards,
    driver_dependent_fields,
    gpu_processes,
    is_idle,
    lacks_ecc,
    optional_field,
    required_field,
    required_number,
)
from dlws.parse.accelerators import nvidia_temperature
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

SPREAD = 5
"""Degrees between the coldest and the warmest of idle cards."""
SLOWED = {0x8: "hardware slowdown", 0x20: "software thermal", 0x40: "hardware thermal", 0x80: "power brake"}
"""The bits of NVML's reasons that say a card is ill or hot; idle (0x1) and the power cap (0x4) are in order."""


@check(
    "G06",
    section="2.1",
    source="DeepOps",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 持久模式开启、计算模式为默认、未启用 MIG",
    causes=[presence.test_gpus_answer],
    fix="systemctl enable --now nvidia-persistenced; nvidia-smi -c 0; nvidia-smi -mig 0",
)
def test_gpu_modes(host: Host) -> None:
    """Every GPU is in persistence mode and the default compute mode, and MIG is off."""
    found, wrong = cards(host), []
    for card in found:
        for field, wanted in (("persistence_mode", "Enabled"), ("compute_mode", "Default")):
            if (value := required_field(card, field)) != wanted:
                wrong.append(f"{card_name(card)} {field} {value}")
    wrong += [
        f"{card_name(card)} MIG Enabled"
        for card in driver_dependent_fields(host, found[0])
        if optional_field(card, "mig.mode.current") == "Enabled"
    ]
    expect("GPUs in the wrong mode", found=wrong, expected=[])


@check(
    "G07",
    section="2.1",
    source="NVIDIA DCGM",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU ECC 已启用",
    causes=[presence.test_gpus_answer],
    fix="nvidia-smi -e 1, then reboot",
)
def test_gpu_ecc_is_on(host: Host) -> None:
    """ECC is enabled on every GPU that supports it."""
    found = [c for c in cards(host) if not lacks_ecc(c)]
    if not found:
        raise NotApplicable("no GPU supports ECC")
    off = [card_name(card) for card in found if required_field(card, "ecc.mode.current") != "Enabled"]
    expect("GPUs with ECC disabled", found=off, expected=[])


@check(
    "G13",
    section="2.1",
    source="NVIDIA hardware validation",
    on=gpu_hosts,
    title_zh="GPU PCIe 链路宽度达到最大值",
    causes=[presence.test_gpus_answer],
    fix="reseat the card and its riser; then try another card, then another slot",
)
def test_gpu_links_are_wide(host: Host) -> None:
    """Every GPU's PCIe link runs at the full width that the card and its slot support.

    Its generation is not compared, as it drops when the GPU is idle.
    """
    widths = [
        (card_name(c), required_number(c, "pcie.link.width.current"), required_number(c, "pcie.link.width.max"))
        for c in cards(host)
    ]
    narrow = [f"{name} x{now} of x{most}" for name, now, most in widths if now < most]
    expect("GPUs with a narrow PCIe link", found=narrow, expected=[])


@check(
    "G16",
    section="2.1",
    source="H100 acceptance sheet",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 温度低于降频阈值且各卡均衡",
    causes=[presence.test_gpus_answer],
    fix="check the fans, the airflow and the room temperature; for a single warm card, its heat sink",
)
def test_gpu_temperatures(host: Host) -> None:
    """No GPU has reached its throttling temperature, and idle GPUs are within 5 °C of each other.

    Of a card that is parted (MIG) it is not known whether it is idle, so the cards are not compared then.
    """
    now = cards(host)
    found = nvidia_temperature.parse(answer_of(host, BOUND + "-q -d TEMPERATURE"))
    hot = [f"GPU {t.bus_id} {t.now} °C" for t in found if t.margin <= 0]
    expect("GPUs at their throttling temperature", found=hot, expected=[])
    if all(is_idle(card) for card in now):
        degrees = [required_number(card, "temperature.gpu") for card in now]
        apart = f"{max(degrees) - min(degrees)} °C" if max(degrees) - min(degrees) > SPREAD else f"up to {SPREAD} °C"
        expect("temperature spread of the idle GPUs", found=apart, expected=f"up to {SPREAD} °C")


@check(
    "G17",
    section="2.1",
    source="azurehpc check_gpu_clock_throttling",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 未因硬件或过热降频",
    causes=[presence.test_gpus_answer],
    fix="check cooling, power supply and the power brake cable; then reset or replace the card",
)
def test_gpus_are_not_slowed_down(host: Host) -> None:
    """No GPU is throttled by its hardware, by heat or by the power brake."""
    bits = {
        card_name(card): int(required_field(card, "throttle reasons"), 16)
        for card in driver_dependent_fields(host, cards(host)[0])
    }
    slowed = [f"{name} {words}" for name, found in bits.items() for bit, words in SLOWED.items() if found & bit]
    expect("throttled GPUs", found=slowed, expected=[])


@check(
    "G18",
    section="2.1",
    source="NVML power management",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 功率上限为默认值",
    causes=[presence.test_gpus_answer],
    fix="nvidia-smi -pl <default_limit>, and remove whatever sets it at boot",
)
def test_gpu_power_limits(host: Host) -> None:
    """Every GPU has its default power limit."""
    both = ("power.limit", "power.default_limit")
    limited = [c for c in cards(host) if any(optional_field(c, field) is not None for field in both)]
    if not limited:
        raise NotApplicable("no GPU has a power limit that can be set")
    limits = [(card_name(c), *(float(required_field(c, field)) for field in both)) for c in limited]
    wrong = [f"{name} {limit:g} W of {default:g} W" for name, limit, default in limits if limit != default]
    expect("GPUs with a non-default power limit", found=wrong, expected=[])


@active
@check(
    "G19",
    section="2.1",
    source="gcm check_nvidia_smi",
    on=gpu_hosts,
    severity=Severity.INFO,
    title_zh="测试前 GPU 空闲",
    causes=[presence.test_gpus_answer],
    fix="wait for the jobs to end, or drain the host: load tests need idle GPUs",
)
def test_gpus_are_idle(host: Host) -> None:
    """No process uses a GPU and no GPU memory is in use, as active checks require."""
    expect("processes on the GPUs", found=gpu_processes(host), expected=[])
    busy = [
        f"{card_name(c)} {required_number(c, 'memory.used')} MiB"
        for c in cards(host)
        if required_number(c, "memory.used") > IDLE_MEMORY
    ]
    expect("GPUs with memory in use", found=busy, expected=[])
