"""NPUs measured by MindX ToolBox: each measurement takes the NPU, which must be idle."""

from __future__ import annotations

from dlws.parse.accelerators import ascend_dmi, npu_smi
from dlws.remote.host import Host
from dlws.verdict import Unknown

TOOLBOX = "bash -c '. /usr/local/Ascend/toolbox/set_env.sh && exec timeout -k 5 120 ascend-dmi \"$@\"' ascend-dmi "
COPY = TOOLBOX + "--bw -t %s -d %s -s 33554432 --et 100 -q"
FLOPS = TOOLBOX + "-f -t fp16 -d %s --et 60 -q"
DEADLINE = 140.0


def tflops(host: Host, device: int) -> float:
    """TFLOPS of one NPU at half precision."""
    return ascend_dmi.tflops(host.run_active([0], FLOPS, device, deadline=DEADLINE).text, device)


def copy_bandwidth(host: Host, direction: str, device: int) -> float:
    """GB/s between the host's memory and one NPU, with 32 MiB at once."""
    return ascend_dmi.bandwidth(host.run_active([0], COPY, direction, device, deadline=DEADLINE).text)


def require_idle_npus(host: Host) -> None:
    """Unknown while an NPU works: what is measured then says nothing about the hardware."""
    busy = [f"NPU {chip.npu}" for chip in npu_smi.info(host.read("npu-smi info")).chips if chip.aicore_percent]
    if busy:
        raise Unknown(f"the NPUs are in use: {', '.join(busy)}")
