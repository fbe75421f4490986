"""G: how the GPUs are joined: NVLink and NVSwitch (G14, G20)."""

from __future__ import annotations

from checks import gpu
from checks.nvidia import BOUND, cards, known
from checks.units import unit
from cluster.parse import lspci, nvlink
from cluster.parse.text import only_line, unparsable
from fixtures.check import check, expect, expect_that
from fixtures.targets import gpu_hosts
from remote.host import Host

NVSWITCH = "0680"
"""The PCI class of an NVSwitch: a bridge of no further kind. No GPU has it."""
VERSION = "Fabric Manager version is : "


@check("G14", section="2.1", source="azurehpc check_nvlink_status", on=gpu_hosts, title_zh="NVLink 全部激活且速率一致",
       causes=[gpu.test_gpus_answer],
       fix="reset the cards together (nvidia-smi -r); restart nvidia-fabricmanager; then replace it")  # fmt: skip
def test_nvlinks_are_up(host: Host) -> None:
    """Every NVLink is active, all at one speed, as many on each GPU; cards that are not SXM need not have any."""
    names = {int(known(card, "index")): known(card, "name") for card in cards(host)}
    links = nvlink.parse(host.read(BOUND + "nvlink -s"))
    expect("GPUs that nvidia-smi nvlink tells of", found=sorted(links), expected=sorted(names))
    joined = [number for number in names if "SXM" in names[number]]
    if not joined and not any(speed for speeds in links.values() for speed in speeds):
        return
    down = [f"GPU {card} link {n}" for card, speeds in links.items() for n, speed in enumerate(speeds) if speed is None]
    down += [f"GPU {card} without any" for card in links if not links[card]]
    expect("NVLinks that are down", found=down, expected=[])
    speeds = sorted({speed for those in links.values() for speed in those if speed is not None})
    expect_that(len(speeds) == 1, "NVLink speeds in GB/s", found=speeds, expected="one on all links")
    numbers = sorted({len(those) for those in links.values()})
    expect_that(len(numbers) == 1, "NVLinks on a GPU", found=numbers, expected="as many on each")


@check("G20", section="2.1", source="NVIDIA Fabric Manager guide", on=gpu_hosts,
       title_zh="有 NVSwitch 时 Fabric Manager 运行且版本与驱动一致",
       fix="install the nvidia-fabricmanager of the driver's version; systemctl enable --now it")  # fmt: skip
def test_fabric_manager(host: Host) -> None:
    """Where there are NVSwitches, the Fabric Manager runs, in the driver's own version: without it no CUDA starts."""
    if not any(function.klass == NVSWITCH for function in lspci.functions(host.read("lspci -Dnn -d 10de:"))):
        return
    [state] = unit(host, "nvidia-fabricmanager", "ActiveState")
    expect("nvidia-fabricmanager", found=state, expected="active")
    line = only_line("nv-fabricmanager --version", host.read("nv-fabricmanager --version"))
    if not line.startswith(VERSION):
        raise unparsable("nv-fabricmanager --version", line)
    expect("Fabric Manager version", found=line.removeprefix(VERSION), expected=gpu.loaded_driver(host) or "no driver")
