"""The 20 checks for pyinfra: its facts where it has one for the purpose, `Command` where it has none."""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.facts.deb import DebPackage
from pyinfra.facts.files import File, FileContents
from pyinfra.facts.hardware import Memory
from pyinfra.facts.server import Command, KernelVersion, LinuxDistribution, Mounts, Sysctl

PROMISE = json.loads(Path(os.environ["BENCH_PROMISE"]).read_text())
conf = f"{PROMISE['folder']}/hosts/{host.name}/audited.conf"


def owner(path):
    file = host.get_fact(File, path)
    return f"{file['user']}:{file['group']}"


def sysctl(name):
    return str(host.get_fact(Sysctl, keys=["net.ipv4.ip_forward", "vm.swappiness", "net.core.somaxconn"])[name])


def user(name):
    return host.get_fact(Command, f"getent passwd {name}").split(":")


release = host.get_fact(LinuxDistribution)["release_meta"]
openssh = host.get_fact(DebPackage, "openssh-server")
swaps = [line.split() for line in host.get_fact(Command, "cat /proc/swaps").splitlines()[1:]]
sockets = host.get_fact(Command, "ss -Hltn").splitlines()
VERDICTS = {
    "passwd_mode": str(host.get_fact(File, "/etc/passwd")["mode"]) == PROMISE["passwd_mode"],
    "passwd_owner": owner("/etc/passwd") == "root:root",
    "shadow_mode": (str(host.get_fact(File, "/etc/shadow")["mode"]), owner("/etc/shadow"))
    == (PROMISE["shadow_mode"], f"root:{PROMISE['shadow_group']}"),
    "conf_mode": host.get_fact(File, conf)["mode"] == 644,
    "conf_owner": owner(conf) == "root:root",
    "conf_content": f"address = {host.name}" in host.get_fact(FileContents, conf),
    "ip_forward": sysctl("net.ipv4.ip_forward") == PROMISE["ip_forward"],
    "swappiness": sysctl("vm.swappiness") == PROMISE["swappiness"],
    "somaxconn": sysctl("net.core.somaxconn") == PROMISE["somaxconn"],
    "root_filesystem": host.get_fact(Mounts)["/"]["type"] == PROMISE["root_filesystem"],
    "root_user": user("root")[2::4] == ["0", PROMISE["root_shell"]],
    "nobody_user": user("nobody")[2] == str(PROMISE["nobody_uid"]),
    "openssh_installed": openssh["version"] == PROMISE["openssh"],
    "telnetd_absent": not host.get_fact(DebPackage, "telnetd"),
    "os_release": [release["ID"], release["VERSION_ID"]] == PROMISE["os"],
    "kernel": host.get_fact(KernelVersion) == PROMISE["kernel"],
    "memory": host.get_fact(Memory) - PROMISE["memory_mib"] in (0, 1),  # it rounds
    "swap": sorted(s[0] for s in swaps if s[1] == "partition") == PROMISE["swap_partitions"],
    "sshd_listens": any(line.split()[3].endswith(f":{PROMISE['port']}") for line in sockets),
    "sshd_runs": "root" in host.get_fact(Command, "ps -C sshd -o user=").split(),
}
Path(os.environ["BENCH_VERDICTS"], f"{host.name}.json").write_text(json.dumps(VERDICTS))
