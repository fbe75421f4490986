"""G: how the GPUs are set, linked, cooled and powered (G06, G07, G13, G16 to G19)."""

from __future__ import annotations

from checks import gpu
from checks.nvidia import BOUND, FORM, by_driver, called, cards, count, known, lacks_ecc
from cluster.parse import nvidia_temperature
from cluster.parse.text import lines
from cluster.verdict import NotApplicable, Severity
from fixtures.check import active, check, expect
from fixtures.targets import gpu_hosts
from remote.host import Host

SPREAD = 5
"""Degrees between the coldest and the warmest of idle cards."""
SLOWED = {0x8: "hardware slowdown", 0x20: "software thermal", 0x40: "hardware thermal", 0x80: "power brake"}
"""The bits of NVML's reasons that say a card is ill or hot; idle (0x1) and the power cap (0x4) are in order."""
IDLE_MEMORY = 15
"""MiB that a card without work may have in use."""
APPS = BOUND + "--query-compute-apps=pid,name" + FORM


@check("G06", section="2.1", source="DeepOps", on=gpu_hosts, severity=Severity.WARNING,
       title_zh="GPU 持久模式开启、计算模式为默认、未启用 MIG", causes=[gpu.test_gpus_answer],
       fix="systemctl enable --now nvidia-persistenced; nvidia-smi -c 0; nvidia-smi -mig 0")  # fmt: skip
def test_gpu_modes(host: Host) -> None:
    """Every GPU is in persistence mode and the default compute mode, and is not parted (MIG)."""
    found, wrong = cards(host), []
    for card in found:
        for field, wanted in (("persistence_mode", "Enabled"), ("compute_mode", "Default")):
            if (value := known(card, field)) != wanted:
                wrong.append(f"{called(card)} {field} {value}")
    wrong += [
        f"{called(card)} MIG Enabled" for card in by_driver(host, found[0]) if card["mig.mode.current"] == "Enabled"
    ]
    expect("GPUs in another mode", found=wrong, expected=[])


@check("G07", section="2.1", source="NVIDIA DCGM", on=gpu_hosts, severity=Severity.WARNING, title_zh="GPU ECC 已启用",
       causes=[gpu.test_gpus_answer], fix="nvidia-smi -e 1, then reboot")  # fmt: skip
def test_gpu_ecc_is_on(host: Host) -> None:
    """ECC is on, on all cards that have it."""
    found = [c for c in cards(host) if not lacks_ecc(c)]
    if not found:
        raise NotApplicable("no GPU has ECC")
    off = [called(card) for card in found if known(card, "ecc.mode.current") != "Enabled"]
    expect("GPUs without ECC", found=off, expected=[])


@check("G13", section="2.1", source="NVIDIA hardware validation", on=gpu_hosts, title_zh="GPU PCIe 链路宽度达到最大值",
       causes=[gpu.test_gpus_answer],
       fix="reseat the card and its riser; then exchange the card, then the slot")  # fmt: skip
def test_gpu_links_are_wide(host: Host) -> None:
    """Every GPU's PCIe link is as wide as the card and its slot allow; its generation falls when idle."""
    widths = [(called(c), count(c, "pcie.link.width.current"), count(c, "pcie.link.width.max")) for c in cards(host)]
    narrow = [f"{name} x{now} of x{most}" for name, now, most in widths if now < most]
    expect("GPUs with a narrow PCIe link", found=narrow, expected=[])


@check("G16", section="2.1", source="H100 acceptance sheet", on=gpu_hosts, severity=Severity.WARNING,
       title_zh="GPU 温度低于降频阈值且各卡均衡", causes=[gpu.test_gpus_answer],
       fix="look at the fans, the air's way and the room; a single warm card: its heat sink")  # fmt: skip
def test_gpu_temperatures(host: Host) -> None:
    """No GPU is as hot as where it slows down, and idle GPUs are within 5 °C of each other."""
    found = nvidia_temperature.parse(host.read(BOUND + "-q -d TEMPERATURE"))
    hot = [f"GPU {t.bus_id} {t.now} °C" for t in found if t.margin <= 0]
    expect("GPUs at their slowdown temperature", found=hot, expected=[])
    now = cards(host)
    if all(is_idle(card) for card in now):
        degrees = [count(card, "temperature.gpu") for card in now]
        apart = f"{max(degrees) - min(degrees)} °C" if max(degrees) - min(degrees) > SPREAD else f"up to {SPREAD} °C"
        expect("spread of the idle GPUs' temperatures", found=apart, expected=f"up to {SPREAD} °C")


@check("G17", section="2.1", source="azurehpc check_gpu_clock_throttling", on=gpu_hosts, severity=Severity.WARNING,
       title_zh="GPU 未因硬件或过热降频", causes=[gpu.test_gpus_answer],
       fix="look at cooling, power supply and the power brake cable; then reset or replace the card")  # fmt: skip
def test_gpus_are_not_slowed_down(host: Host) -> None:
    """No GPU is slowed down by its hardware, by heat or by the power brake."""
    bits = {called(card): int(known(card, "throttle reasons"), 16) for card in by_driver(host, cards(host)[0])}
    slowed = [f"{name} {words}" for name, found in bits.items() for bit, words in SLOWED.items() if found & bit]
    expect("GPUs that are slowed down", found=slowed, expected=[])


@check("G18", section="2.1", source="NVML power management", on=gpu_hosts, severity=Severity.WARNING,
       title_zh="GPU 功率上限为默认值", causes=[gpu.test_gpus_answer],
       fix="nvidia-smi -pl <default_limit>, and take away what sets it at boot")  # fmt: skip
def test_gpu_power_limits(host: Host) -> None:
    """Every GPU's power limit is its default."""
    limits = [(called(c), float(known(c, "power.limit")), float(known(c, "power.default_limit"))) for c in cards(host)]
    wrong = [f"{name} {limit:g} W of {default:g} W" for name, limit, default in limits if limit != default]
    expect("GPUs with another power limit", found=wrong, expected=[])


@active
@check("G19", section="2.1", source="gcm check_nvidia_smi", on=gpu_hosts, severity=Severity.INFO,
       title_zh="测试前 GPU 空闲", causes=[gpu.test_gpus_answer],
       fix="wait for the jobs to end, or drain the host: tests under load need idle cards")  # fmt: skip
def test_gpus_are_idle(host: Host) -> None:
    """No process uses a GPU, and none has memory in use: what an active test presupposes."""
    expect("processes on the GPUs", found=processes(host), expected=[])
    busy = [f"{called(c)} {count(c, 'memory.used')} MiB" for c in cards(host) if count(c, "memory.used") > IDLE_MEMORY]
    expect("GPUs with memory in use", found=busy, expected=[])


def processes(host: Host) -> list[str]:
    """Who uses the GPUs: `4211, python3`."""
    return [line.strip() for line in lines("nvidia-smi", host.read(APPS)) if line != "No running processes found"]


def is_idle(card: dict[str, str | None]) -> bool:
    """Whether a card has nothing to do. Unknown where its driver does not tell."""
    return count(card, "utilization.gpu") == 0 and count(card, "memory.used") <= IDLE_MEMORY
