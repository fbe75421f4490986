"""The expected values of the 20 facts that all tools check, taken from this machine.

All "hosts" are addresses of this machine, so the values are read directly, before each run. Only one file (`conf`)
differs between hosts: a fault in it must be found on that host and on no other.
"""

from __future__ import annotations

import json
import os
import platform
import pwd
import subprocess
from pathlib import Path
from typing import Any

CHECKS = (
    "passwd_mode",
    "passwd_owner",
    "shadow_mode",
    "conf_mode",
    "conf_owner",
    "conf_content",
    "ip_forward",
    "swappiness",
    "somaxconn",
    "root_filesystem",
    "root_user",
    "nobody_user",
    "openssh_installed",
    "telnetd_absent",
    "os_release",
    "kernel",
    "memory",
    "swap",
    "sshd_listens",
    "sshd_runs",
)
"""Files (mode, owner, content), sysctl, mounts, users, packages, system, memory, swap, sockets, processes."""


def conf_of(folder: Path | str, address: str) -> Path:
    """The file that differs between hosts."""
    return Path(folder) / "hosts" / address / "audited.conf"


def current(folder: Path, port: int) -> dict[str, Any]:
    """The current values; sshd listens on `port`."""
    root, nobody = pwd.getpwnam("root"), pwd.getpwnam("nobody")
    release = platform.freedesktop_os_release()
    return {
        "folder": str(folder),
        "passwd_mode": _mode("/etc/passwd"),
        "shadow_mode": _mode("/etc/shadow"),
        "shadow_group": _output("stat", "-c", "%G", "/etc/shadow"),
        "ip_forward": _sysctl("net/ipv4/ip_forward"),
        "swappiness": _sysctl("vm/swappiness"),
        "somaxconn": _sysctl("net/core/somaxconn"),
        "root_filesystem": [line.split()[2] for line in _lines("/proc/mounts") if line.split()[1] == "/"][-1],
        "root_shell": root.pw_shell,
        "nobody_uid": nobody.pw_uid,
        "openssh": _output("dpkg-query", "-W", "-f", "${Version}", "openssh-server"),
        "os": [release["ID"], release["VERSION_ID"]],
        "kernel": os.uname().release,
        "memory_mib": next(int(line.split()[1]) >> 10 for line in _lines("/proc/meminfo") if "MemTotal" in line),
        "swap_partitions": sorted(s[0] for s in map(str.split, _lines("/proc/swaps")[1:]) if s[1] == "partition"),
        "port": port,
    }


def write(folder: Path, port: int) -> Path:
    """Write the expected values to a file, whose path the tools get in BENCH_PROMISE."""
    path = folder / "promise.json"
    path.write_text(json.dumps(current(folder, port), indent=1))
    return path


def make_hosts(folder: Path, addresses: list[str]) -> None:
    """Write every host's own file."""
    for address in addresses:
        conf = conf_of(folder, address)
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(f"address = {address}\nrole = worker\n")
        conf.chmod(0o644)


def break_host(folder: Path, address: str) -> None:
    """Make the check `conf_content` fail on one host."""
    conf_of(folder, address).write_text("address = somewhere else\nrole = worker\n")


def _mode(path: str) -> str:
    return format(Path(path).stat().st_mode & 0o7777, "o")


def _sysctl(name: str) -> str:
    return Path("/proc/sys", name).read_text().strip()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
