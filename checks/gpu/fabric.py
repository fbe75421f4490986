"""G: how the GPUs are joined: NVLink and NVSwitch (G14, G15, G20)."""

from __future__ import annotations

from checks.gpu import presence
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import gpu_hosts
from dlws.facts.nvidia import BOUND, cards, loaded_driver, nvlinks, required_field
from dlws.parse.accelerators import nvidia_topology, nvlink
from dlws.parse.host import lspci
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host
from dlws.verdict import Severity

NVSWITCH = "0680"
"""The PCI class of an NVSwitch: a bridge of no further kind. No GPU has it."""
VERSION = "Fabric Manager version is : "


@check(
    "G14",
    section="2.1",
    source="azurehpc check_nvlink_status",
    on=gpu_hosts,
    title_zh="NVLink 全部激活且速率一致",
    causes=[presence.test_gpus_answer],
    fix="reset all cards together (nvidia-smi -r); restart nvidia-fabricmanager; then replace the card",
)
def test_nvlinks_are_up(host: Host) -> None:
    """Every GPU has all NVLinks of its model, all of them active and at the same speed.

    A GPU without an NVLink bridge is left out.
    """
    models = {int(required_field(card, "index")): nvlinks(card) for card in cards(host)}
    links = nvlink.parse(host.read(BOUND + "nvlink -s")) or dict.fromkeys(models, ())
    expect("GPUs listed by nvidia-smi nvlink", found=sorted(links), expected=sorted(models))
    joined = {card: speeds for card, speeds in links.items() if models[card] or any(speeds)}
    down = [f"GPU {card} link {n}" for card, those in joined.items() for n, speed in enumerate(those) if speed is None]
    expect("NVLinks that are down", found=down, expected=[])
    speeds = sorted({speed for those in joined.values() for speed in those if speed is not None})
    expect_that(len(speeds) <= 1, "NVLink speeds in GB/s", found=speeds, expected="the same on all links")
    few = [f"GPU {card} {len(those)} of {n}" for card, those in joined.items() if (n := models[card] or 0) > len(those)]
    expect("GPUs with fewer NVLinks than their model has", found=few, expected=[])


@check(
    "G15",
    section="2.1",
    source="NVIDIA system guides",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 互联拓扑符合其型号",
    causes=[presence.test_gpus_answer],
    fix="check for NVLinks that are down (G14) and for a wrong GPU board",
)
def test_gpu_topology(host: Host) -> None:
    """SXM GPUs are connected by all NVLinks of their model, to each other or to NVSwitches."""
    models = {f"GPU{required_field(card, 'index')}": nvlinks(card) for card in cards(host)}
    ways = nvidia_topology.parse(host.read(BOUND + "topo -m"))
    expect("GPUs listed by nvidia-smi topo", found=sorted(ways), expected=sorted(models))
    torn = [
        f"{a} to {b}: {way} but {ways[b][a]} back"
        for a, row in ways.items()
        for b, way in row.items()
        if a < b and way != ways[b][a]
    ]
    expect("GPU pairs whose connection differs by direction", found=torn, expected=[])
    wrong = []
    for name, row in ways.items():
        bonds = [int(way.removeprefix("NV")) if way.startswith("NV") else 0 for way in row.values()]
        model = models[name]
        if model and bonds and sum(bonds) != model and set(bonds) != {model}:
            wrong.append(f"{name} {' '.join(row.values())}")
    expect("GPUs not connected as their model requires", found=wrong, expected=[])


@check(
    "G20",
    section="2.1",
    source="NVIDIA Fabric Manager guide",
    on=gpu_hosts,
    title_zh="有 NVSwitch 时 Fabric Manager 正在运行且版本与驱动一致",
    fix="install nvidia-fabricmanager in the driver's version; systemctl enable --now nvidia-fabricmanager",
)
def test_fabric_manager(host: Host) -> None:
    """On hosts with NVSwitches, Fabric Manager runs in the same version as the driver.

    Without it, no CUDA program starts.
    """
    if not any(function.klass == NVSWITCH for function in lspci.functions(host.read("lspci -Dnn -d 10de:"))):
        return
    expect("nvidia-fabricmanager", found=host.service("nvidia-fabricmanager").active_state, expected="active")
    line = only_line("nv-fabricmanager --version", host.read("nv-fabricmanager --version"))
    if not line.startswith(VERSION):
        raise unparsable("nv-fabricmanager --version", line)
    expect("Fabric Manager version", found=line.removeprefix(VERSION), expected=loaded_driver(host) or "no driver")
