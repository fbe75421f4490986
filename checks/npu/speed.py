"""P25: what was promised of the NPUs, measured by MindX ToolBox. Active: it takes each NPU, which must be idle."""

from __future__ import annotations

from checks.npu import presence
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect
from dlws.engine.targets import npu_hosts
from dlws.facts.ascend import called, chips
from dlws.parse.accelerators import ascend_dmi, npu_smi
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

TOOLBOX = "bash -c '. /usr/local/Ascend/toolbox/set_env.sh && exec timeout -k 5 120 ascend-dmi \"$@\"' ascend-dmi "
COPY = TOOLBOX + "--bw -t %s -d %s -s 33554432 --et 100 -q"
FLOPS = TOOLBOX + "-f -t fp16 -d %s --et 60 -q"
DIRECTIONS = {"h2d": "host to NPU", "d2h": "NPU to host"}
DEADLINE = 140.0


@active
@check(
    "P25",
    section="2.1",
    source="ascend-dmi",
    on=npu_hosts,
    severity=Severity.INFO,
    title_zh="NPU 算力与传输带宽达到约定值",
    causes=[presence.test_npu_tools_work],
    fix="check its PCIe link (P11), temperature, clock (P10); ascend-dmi --dg -d <n> diagnoses it",
)
def test_npu_speed(cluster: Cluster, host: Host) -> None:
    """Each NPU reaches the agreed half-precision performance and copy bandwidth."""
    compute, copy = cluster.suite.acceptance.npu_tflops, cluster.suite.acceptance.npu_copy
    if compute is None and copy is None:
        raise NotApplicable("suite.acceptance has neither npu_tflops nor npu_copy")
    demand_idle(host)
    slow = []
    for chip in chips(host):
        if compute is not None and (speed := tflops(host, chip.logic)) < compute:
            slow.append(f"{called(chip)} {speed:g} of {compute:g} TFLOPS")
        for way, words in DIRECTIONS.items():
            if copy is not None and (speed := copied(host, way, chip.logic)) < copy:
                slow.append(f"{called(chip)} {words} {speed:g} of {copy:g} GB/s")
    expect("NPUs slower than agreed", found=slow, expected=[])


def tflops(host: Host, device: int) -> float:
    """TFLOPS of one NPU at half precision."""
    return ascend_dmi.tflops(host.run_active([0], FLOPS, device, deadline=DEADLINE).text, device)


def copied(host: Host, direction: str, device: int) -> float:
    """GB/s between the host's memory and one NPU, with 32 MiB at once."""
    return ascend_dmi.bandwidth(host.run_active([0], COPY, direction, device, deadline=DEADLINE).text)


def demand_idle(host: Host) -> None:
    """Unknown while an NPU works: what is measured then says nothing about the hardware."""
    busy = [f"NPU {chip.npu}" for chip in npu_smi.info(host.read("npu-smi info")).chips if chip.aicore_percent]
    if busy:
        raise Unknown(f"the NPUs are in use: {', '.join(busy)}")
