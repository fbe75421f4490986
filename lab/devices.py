"""The accelerators of a host as tables that the stand-ins in rootfs/ read: one row per card, tab-separated.

Not JSON: awk must read them, also inside a busybox container. Eight Tesla V100 as in a DGX-1, eight Ascend 910A as in
an Atlas 800 (docs/upstream.md#tools-of-the-accelerators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.plan import LabHost

GPU_DRIVER = "440.64"
GPU_DRIVER_OLD = "418.87"
NPU_DRIVER = "1.72.T2.100.B020"
NPU_DRIVER_OLD = "1.72.T1.100.B010"
CARDS = 8
GPU_BUS = ("06", "07", "0A", "0B", "85", "86", "89", "8A")
NPU_BUS = ("C1", "81", "41", "01", "C2", "82", "42", "02")


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same keys as tab-separated text, the keys on the first line."""
    lines = ["\t".join(rows[0])] + ["\t".join(row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def gpus(host: LabHost) -> str:
    """gpu.tsv: columns are the names of `nvidia-smi --query-gpu`, values carry their units."""
    last_octet = int(host.address.rpartition(".")[2])
    return table([_gpu(index, last_octet) for index in range(CARDS)])


def _gpu(index: int, last_octet: int) -> dict[str, str]:
    none = "0"
    return {
        "index": str(index),
        "name": "Tesla V100-SXM2-32GB",
        "uuid": f"GPU-{last_octet:04x}b0{index:02x}-7c1e-4d2a-9f30-5e8d41c6{last_octet:02x}{index:02x}",
        "serial": f"03239180{last_octet:02d}{index:03d}",
        "driver_version": GPU_DRIVER,
        "count": str(CARDS),
        "vbios_version": "88.00.43.00.03",
        "pci.bus_id": f"00000000:{GPU_BUS[index]}:00.0",
        "persistence_mode": "Enabled",
        "compute_mode": "Default",
        "display_active": "Disabled",
        "ecc.mode.current": "Enabled",
        "ecc.mode.pending": "Enabled",
        "ecc.errors.corrected.volatile.total": none,
        "ecc.errors.uncorrected.volatile.total": none,
        "ecc.errors.corrected.aggregate.total": none,
        "ecc.errors.uncorrected.aggregate.total": none,
        "retired_pages.single_bit_ecc.count": none,
        "retired_pages.double_bit.count": none,
        "retired_pages.pending": "No",
        "pcie.link.gen.current": "3",
        "pcie.link.gen.max": "3",
        "pcie.link.width.current": "16",
        "pcie.link.width.max": "16",
        "fan.speed": "[Not Supported]",
        "pstate": "P0",
        "temperature.gpu": str(33 + index % 4),
        "temperature.memory": str(31 + index % 4),
        "power.management": "Enabled",
        "power.draw": f"{42 + index % 3}.{10 + index * 7} W",
        "power.limit": "300.00 W",
        "power.default_limit": "300.00 W",
        "power.max_limit": "300.00 W",
        "clocks.current.sm": "135 MHz",
        "clocks.current.memory": "877 MHz",
        "clocks.max.sm": "1530 MHz",
        "clocks_throttle_reasons.active": "0x0000000000000001",
        "clocks_throttle_reasons.gpu_idle": "Active",
        "clocks_throttle_reasons.hw_slowdown": "Not Active",
        "clocks_throttle_reasons.hw_thermal_slowdown": "Not Active",
        "clocks_throttle_reasons.sw_thermal_slowdown": "Not Active",
        "memory.total": "32510 MiB",
        "memory.used": "0 MiB",
        "memory.free": "32510 MiB",
        "utilization.gpu": "0 %",
        "utilization.memory": "0 %",
    }


def npus(host: LabHost) -> str:
    """npu.tsv: what npu-smi and hccn_tool know about each chip, without units."""
    last_octet = int(host.address.rpartition(".")[2])
    return table([_npu(index, last_octet) for index in range(CARDS)])


def _npu(index: int, last_octet: int) -> dict[str, str]:
    return {
        "npu": str(index),
        "name": "910A",
        "version": NPU_DRIVER,
        "firmware": NPU_DRIVER,
        "serial": f"033EFS10M80{last_octet:02d}{index:02d}",
        "bus": f"0000:{NPU_BUS[index]}:00.0",
        "health": "OK",
        "error_code": "NA",
        "error_information": "NA",
        "power": f"{66 + index % 4}.{(index * 3) % 10}",
        "temperature": str(34 + index % 5),
        "aicore": "0",
        "memory_used": str(560 + 11 * index),
        "memory_total": "14795",
        "hbm_used": "0",
        "hbm_total": "32768",
        "hbm_double_bit": "0",
        "hbm_isolated": "0",
        "work_mode": "SMP",
        "ip": npu_address(index, last_octet),
        "netmask": "255.255.255.0",
        "gateway": f"10.20.{index % 4}.254",
        "link": "UP",
        "speed": "100000",
        "net_health": "Success",
        "tls": "0",
        "fec": "rs FEC mode",
        "optical": "present",
        "rx_power": "1.0189",
        "link_down": "never",
    }


def npu_address(index: int, last_octet: int) -> str:
    """Device i and i+4 share a subnet, devices 0 to 3 differ, and a subnet is the same on every server (D0)."""
    return f"10.20.{index % 4}.{last_octet * 10 + index // 4}"


def pci(host: LabHost) -> str:
    """pci.tsv: the devices that the lspci stand-in shows."""
    keys = ("slot", "class", "class_id", "vendor_id", "device_id", "vendor", "device", "revision", "able", "link")
    intel = "Intel Corporation"
    bridge = ("0000:00:00.0", "Host bridge", "0600", "8086", "2020", intel, "Sky Lake-E DMI3 Registers", "")
    nic = ("0000:7d:00.0", "Ethernet controller", "0200", "8086", "1528", intel, "Ethernet X540-AT2", "01")
    gpu = ("3D controller", "0302", "10de", "1db5", "NVIDIA Corporation", "GV100GL [Tesla V100 SXM2 32GB]", "a1")
    npu = ("Processing accelerators", "1200", "19e5", "d801", "Huawei Technologies Co., Ltd.", "", "20")
    bus, card, speed = (GPU_BUS, gpu, "8GT/s") if host.device == "gpu" else (NPU_BUS, npu, "16GT/s")
    link = (f"Speed {speed}, Width x16",) * 2
    rows = [(*bridge, "", ""), (*nic, *("Speed 5GT/s, Width x8",) * 2)]
    rows += [(f"0000:{number.lower()}:00.0", *card, *link) for number in bus]
    return table([dict(zip(keys, row, strict=True)) for row in rows])


def kernel_log(host: LabHost, booted: str) -> str:
    """What the kernel of a GPU host has logged since it `booted` (ISO 8601), as `journalctl -k -o short-iso` shows it.

    The lab's own kernel is not the host's, and it has no driver.
    """
    module = f"NVRM: loading NVIDIA UNIX x86_64 Kernel Module  {GPU_DRIVER}  Fri Feb 21 01:17:26 UTC 2020"
    messages = ["Linux version 4.15.0-76-generic (buildd@lcy01-amd64-029)", module]
    messages += [f"nvidia 0000:{number.lower()}:00.0: enabling device (0140 -> 0142)" for number in GPU_BUS]
    return "".join(f"{booted} {host.name} kernel: {message}\n" for message in messages)


def hccn_conf(host: LabHost) -> str:
    """/etc/hccn.conf: the addresses of the devices' own network ports."""
    last_octet = int(host.address.rpartition(".")[2])
    lines = []
    for index in range(CARDS):
        lines += [f"address_{index}={npu_address(index, last_octet)}", f"netmask_{index}=255.255.255.0"]
        lines += [f"netdetect_{index}=10.20.{index % 4}.254", f"gateway_{index}=10.20.{index % 4}.254"]
    return "\n".join(lines) + "\n"


INSTALL_INFO = """UserName=HwHiAiUser
UserGroup=HwHiAiUser
Driver_Install_Type=full
Driver_Install_Path_Param=/usr/local/Ascend
"""
"""/etc/ascend_install.info, as the driver's installer leaves it."""
