"""P25: what was promised of the NPUs, measured by MindX ToolBox. Active: it takes each NPU, which must be idle."""

from __future__ import annotations

from checks.npu import presence
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect
from dlws.engine.targets import npu_hosts
from dlws.facts.ascend import chip_name, chips
from dlws.facts.probes.npu_speed import copy_bandwidth, require_idle_npus, tflops
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

DIRECTIONS = {"h2d": "host to NPU", "d2h": "NPU to host"}


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
    require_idle_npus(host)
    slow = []
    for chip in chips(host):
        if compute is not None and (speed := tflops(host, chip.logic)) < compute:
            slow.append(f"{chip_name(chip)} {speed:g} of {compute:g} TFLOPS")
        for way, words in DIRECTIONS.items():
            if copy is not None and (speed := copy_bandwidth(host, way, chip.logic)) < copy:
                slow.append(f"{chip_name(chip)} {words} {speed:g} of {copy:g} GB/s")
    expect("NPUs slower than agreed", found=slow, expected=[])
