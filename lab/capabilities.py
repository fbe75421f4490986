"""The capabilities that this machine withholds from root, and the OCI wrapper for running containers without them."""

from __future__ import annotations

from pathlib import Path

from lab.plan import LAB

WRAPPER = LAB / "rootfs" / "common" / "usr" / "lib" / "dlws-lab" / "runc"
NAMES = {24: "CAP_SYS_RESOURCE", 16: "CAP_SYS_MODULE", 19: "CAP_SYS_PTRACE", 17: "CAP_SYS_RAWIO"}


def missing() -> list[int]:
    """The numbers of capabilities that are not in the bounding set (`CapBnd` in /proc/self/status)."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    bounding = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    mask = int(bounding.split()[1], 16)
    return [number for number in range(last + 1) if not mask >> number & 1]


def names() -> str:
    """The names of the missing capabilities, separated by commas."""
    return ", ".join(NAMES.get(number, f"capability {number}") for number in missing())
