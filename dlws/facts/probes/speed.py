"""The speed of a host's processor cores and of copies to and from its GPUs."""

from __future__ import annotations

import re

from dlws.facts.nvidia import gpu_processes
from dlws.parse.accelerators import nvbandwidth
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown

COPIES = ("host_to_device_memcpy_ce", "device_to_host_memcpy_ce")
COPY = "timeout -k 1 280 nvbandwidth -t %s"
COMPUTE = """
import hashlib, time
block, times = bytes(1 << 24), []
for _ in range(9):
    before = time.perf_counter()
    hashlib.sha256(block).digest()
    times.append(time.perf_counter() - before)
print("%.1f" % (len(block) / 1e6 / min(times)))
""".strip()
"""MB/s that one core hashes, the best of nine times 16 MiB: what its clock and its neighbours leave of it."""


def copy_speeds(host: Host) -> dict[str, dict[int, float]]:
    """By direction and GPU the GB/s between the host's memory and the GPU's. Unknown while a job uses one."""
    require_idle_gpus(host)
    return {test: nvbandwidth.per_gpu(host.run_active([0], COPY, test, deadline=300.0).text) for test in COPIES}


def core_speed(host: Host) -> float:
    """MB/s that one core hashes."""
    answer = host.run_active([0], "python3 -c %s", COMPUTE, deadline=60.0).text.strip()
    if re.fullmatch(r"[0-9]{1,9}\.[0-9]", answer) is None:
        raise unparsable("one core's speed", answer)
    return float(answer)


def require_idle_gpus(host: Host) -> None:
    """Unknown while a process uses a GPU: what is measured then says nothing about the hardware."""
    if apps := gpu_processes(host):
        raise Unknown(f"{host.name}: the GPUs are in use by {', '.join(apps)}")
