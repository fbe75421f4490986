"""G: NVIDIA GPUs: that they are there, what they are, and their driver (G01 to G05, G21).

G06, G07, G13, G16 to G19: `checks.gpu.state`; G08 to G12, G22, G23, G25: `checks.gpu.errors`; G14, G15, G20,
G24: `checks.gpu.fabric`.
"""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that, preflight
from dlws.engine.targets import gpu_hosts
from dlws.facts import nvidia
from dlws.facts.nvidia import (
    CARDS,
    FIELDS,
    LOADED,
    PATIENCE,
    answer_of,
    recovery_actions,
    require_cards,
    required_field,
)
from dlws.inventory import Node
from dlws.parse import versions
from dlws.parse.accelerators import nvidia_driver, nvidia_smi
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import ANY_STATUS, Host
from dlws.verdict import Severity

STOPPED = (124, 137)
"""Exit statuses of timeout(1)."""


@preflight
@check(
    "G01",
    section="2.1",
    source="runbook 1",
    on=gpu_hosts,
    title_zh="GPU 数量与配置一致",
    fix="reseat or replace the missing card, or correct gpu_count_per_node",
)
def test_gpu_count(node: Node, host: Host) -> None:
    """The PCI bus and nvidia-smi show as many GPUs as configured."""
    on_bus = len(nvidia.cards_on_bus(host))
    in_driver = len(nvidia_smi.listed(answer_of(host, "nvidia-smi -L")))
    counts = "{} on the PCI bus and {} in nvidia-smi"
    expected = counts.format(node.device_count, node.device_count)
    expect("GPUs", found=counts.format(on_bus, in_driver), expected=expected)


@preflight
@check(
    "G02",
    section="2.1",
    source="runbook 1",
    on=gpu_hosts,
    title_zh="GPU 驱动版本不低于要求",
    fix="install the required NVIDIA driver by hand; the suite never installs drivers",
)
def test_gpu_driver(cluster: Cluster, host: Host) -> None:
    """The NVIDIA driver is at least the required version, and the same on every card."""
    text = answer_of(host, "nvidia-smi --query-gpu=driver_version --format=csv,noheader")
    found = sorted({line.strip() for line in text.splitlines() if line.strip()})
    if not found:
        raise unparsable("nvidia-smi", why="no output")
    wanted = cluster.suite.required_gpu_driver
    enough = all(versions.nvidia(v) >= versions.nvidia(wanted) for v in found)
    expect_that(enough, "NVIDIA driver", found=found, expected=f"{wanted} or newer")
    expect_that(len(found) == 1, "NVIDIA driver", found=found, expected="the same on every card")


@preflight
@check(
    "G03",
    section="2.1",
    source="NVIDIA forums: Driver/library version mismatch",
    on=gpu_hosts,
    title_zh="已加载的 GPU 驱动与已安装版本一致",
    fix="reboot the host: an upgrade has replaced the driver on disk",
)
def test_loaded_driver_is_the_installed_one(host: Host) -> None:
    """The loaded NVIDIA driver is the installed one."""
    installed = only_line("modinfo", host.read("modinfo -F version nvidia"))
    loaded = nvidia_driver.loaded(host.read("cat %s", LOADED))
    expect("loaded NVIDIA driver", found=versions.nvidia(loaded).text, expected=versions.nvidia(installed).text)


@preflight
@check(
    "G04",
    section="2.1",
    source="NVIDIA installation guide",
    on=gpu_hosts,
    title_zh="nouveau 未加载且 GPU 设备文件齐全",
    fix="blacklist nouveau and reboot; for a missing device file: nvidia-modprobe -u -c 0",
)
def test_gpu_device_files(host: Host) -> None:
    """The nouveau driver is not loaded, and every GPU and the NVIDIA driver have their device files."""
    nouveau = host.run_expect([0, 1], "test -d /sys/module/nouveau").rc == 0
    expect("nouveau", found="loaded" if nouveau else "not loaded", expected="not loaded")
    there = host.lines("find /dev -maxdepth 1 -name 'nvidia*'")
    cards = range(len(nvidia.cards_on_bus(host)))
    wanted = [*(f"/dev/nvidia{number}" for number in cards), "/dev/nvidiactl", "/dev/nvidia-uvm"]
    expect("missing device files", found=[path for path in wanted if path not in there], expected=[])


@preflight
@check(
    "G05",
    section="2.1",
    source="gcm check_nvidia_smi",
    on=gpu_hosts,
    title_zh="nvidia-smi 应答及时，无掉卡、读取错误与待复位",
    fix="reset the card (nvidia-smi -r) or reboot; if the fault recurs, replace it; if slow, set persistence mode",
    causes=[test_loaded_driver_is_the_installed_one],
)
def test_gpus_answer(host: Host) -> None:
    """nvidia-smi answers within 10 s, no GPU is lost, unreadable or to be reset, and every infoROM is intact."""
    result = host.run_expect(ANY_STATUS, CARDS)
    if result.rc in STOPPED:
        raise Mismatch("nvidia-smi", found="no answer", expected=f"an answer within {PATIENCE} s")
    text = nvidia_smi.answer(result.stdout, result.stderr)
    expect("GPUs that do not answer", found=nvidia_smi.lost(text) or nvidia_smi.failures(text), expected=[])
    corrupted = nvidia_smi.corrupted_inforoms(text)
    if result.rc and not corrupted:
        raise host.unexpected(result)
    expect("GPUs that cannot be read", found=nvidia_smi.unreadable(text), expected=[])
    expect("GPUs with a corrupted infoROM", found=corrupted, expected=[])
    found = require_cards(nvidia_smi.query(text, FIELDS))
    expect("GPUs that the driver wants reset", found=recovery_actions(host, found[0]), expected=[])


@check(
    "G21",
    section="2.1",
    source="inventory",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="同一主机的 GPU 型号与 VBIOS 一致，UUID 不重复",
    causes=[test_gpus_answer],
    fix="replace the odd card, or flash the same VBIOS on all cards with the vendor's tool",
)
def test_gpus_are_alike(host: Host) -> None:
    """All GPUs of a host have the same model and VBIOS version, and unique UUIDs.

    Serial numbers and UUIDs are in the evidence.
    """
    found = nvidia.cards(host)
    for field, what in (("name", "GPU models"), ("vbios_version", "VBIOS versions"), ("uuid", "UUIDs")):
        values = [required_field(card, field) for card in found]
        distinct = sorted(set(values))
        if field == "uuid":
            expect(f"distinct {what}", found=len(distinct), expected=len(values))
        else:
            expect_that(len(distinct) == 1, what, found=distinct, expected="the same on all cards")
