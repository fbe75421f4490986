"""The lower bound: one connection and one script per host, 16 hosts at a time, and nothing else.

It checks no host keys and records or reports nothing, so no real tool can be much faster.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko

from benchmarks.promise import CHECKS, conf_of
from benchmarks.server import USER

WIDTH = 16
MARK = "=== "
SCRIPT = r"""
section() {{ echo "=== $1"; shift; "$@"; }}
section passwd_mode stat -c %a /etc/passwd
section passwd_owner stat -c %U:%G /etc/passwd
section shadow_mode stat -c '%a %G' /etc/shadow
section conf_mode stat -c %a {conf}
section conf_owner stat -c %U:%G {conf}
section conf_content cat {conf}
section ip_forward cat /proc/sys/net/ipv4/ip_forward
section swappiness cat /proc/sys/vm/swappiness
section somaxconn cat /proc/sys/net/core/somaxconn
section root_filesystem cat /proc/mounts
section root_user getent passwd root
section nobody_user getent passwd nobody
section openssh_installed dpkg-query -W -f '${{Status}} ${{Version}}\n' openssh-server
section telnetd_absent dpkg-query -W -f '${{Status}}\n' telnetd 2>/dev/null
section os_release cat /etc/os-release
section kernel uname -r
section memory cat /proc/meminfo
section swap cat /proc/swaps
section sshd_listens ss -Hltn
section sshd_runs ps -C sshd -o user=
exit 0
"""


def judge(output: dict[str, str], address: str, promise: dict[str, Any]) -> dict[str, bool]:
    """One verdict per check, from the sections printed by a host."""
    lines = {name: text.splitlines() for name, text in output.items()}
    release = dict(line.replace('"', "").split("=", 1) for line in lines["os_release"] if "=" in line)
    memory = next(line.split()[1] for line in lines["memory"] if line.startswith("MemTotal:"))
    swaps = [line.split() for line in lines["swap"][1:]]
    mounts = [line.split() for line in lines["root_filesystem"]]
    return {
        "passwd_mode": output["passwd_mode"].strip() == promise["passwd_mode"],
        "passwd_owner": output["passwd_owner"].strip() == "root:root",
        "shadow_mode": output["shadow_mode"].split() == [promise["shadow_mode"], promise["shadow_group"]],
        "conf_mode": output["conf_mode"].strip() == "644",
        "conf_owner": output["conf_owner"].strip() == "root:root",
        "conf_content": f"address = {address}" in lines["conf_content"],
        "ip_forward": output["ip_forward"].strip() == promise["ip_forward"],
        "swappiness": output["swappiness"].strip() == promise["swappiness"],
        "somaxconn": output["somaxconn"].strip() == promise["somaxconn"],
        "root_filesystem": [m[2] for m in mounts if m[1] == "/"][-1] == promise["root_filesystem"],
        "root_user": output["root_user"].strip().split(":")[2::4] == ["0", promise["root_shell"]],
        "nobody_user": output["nobody_user"].split(":")[2] == str(promise["nobody_uid"]),
        "openssh_installed": output["openssh_installed"].strip() == f"install ok installed {promise['openssh']}",
        "telnetd_absent": "ok installed" not in output["telnetd_absent"],
        "os_release": [release["ID"], release["VERSION_ID"]] == promise["os"],
        "kernel": output["kernel"].strip() == promise["kernel"],
        "memory": int(memory) >> 10 == promise["memory_mib"],
        "swap": sorted(s[0] for s in swaps if s[1] == "partition") == promise["swap_partitions"],
        "sshd_listens": any(line.split()[3].endswith(f":{promise['port']}") for line in lines["sshd_listens"]),
        "sshd_runs": "root" in output["sshd_runs"].split(),
    }


def audit(address: str, promise: dict[str, Any], key: paramiko.PKey) -> dict[str, bool]:
    """Connect to a host, run the script and judge its output."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, promise["port"], USER, pkey=key, look_for_keys=False, allow_agent=False)
    with client:
        script = SCRIPT.format(conf=conf_of(promise["folder"], address))
        stdin, stdout, _ = client.exec_command(f"exec /bin/sh -c {shlex.quote(script)}")
        stdin.channel.shutdown_write()
        output: dict[str, str] = {}
        for line in stdout.read().decode().splitlines(keepends=True):
            if line.startswith(MARK):
                name = line.removeprefix(MARK).strip()
                output[name] = ""
            else:
                output[name] += line
    verdicts = judge(output, address, promise)
    assert tuple(verdicts) == CHECKS
    return verdicts


def main(key: str, addresses: list[str]) -> None:
    """Print the verdicts of all hosts as JSON."""
    promise = json.loads(Path(os.environ["BENCH_PROMISE"]).read_text())
    pkey = paramiko.Ed25519Key.from_private_key_file(key)
    with ThreadPoolExecutor(WIDTH) as pool:
        verdicts = list(pool.map(lambda address: audit(address, promise, pkey), addresses))
    json.dump(dict(zip(addresses, verdicts, strict=True)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
