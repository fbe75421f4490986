"""The 20 checks for this suite, written as its own checks are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dlws.engine.check import check, expect, expect_that
from dlws.inventory import Node
from dlws.parse.host import meminfo, os_release
from dlws.remote.host import Host

PROMISE: dict[str, Any] = json.loads(Path(os.environ["BENCH_PROMISE"]).read_text())


def conf(node: Node) -> str:
    return f"{PROMISE['folder']}/hosts/{node.address}/audited.conf"


@check("B01", title_zh="passwd 权限", fix="chmod 644 /etc/passwd")
def test_passwd_mode(host: Host) -> None:
    """/etc/passwd has the right mode."""
    expect("mode", found=host.read("stat -c %%a %s", "/etc/passwd"), expected=PROMISE["passwd_mode"])


@check("B02", title_zh="passwd 属主", fix="chown root:root /etc/passwd")
def test_passwd_owner(host: Host) -> None:
    """/etc/passwd belongs to root."""
    expect("owner", found=host.read("stat -c %%U:%%G %s", "/etc/passwd"), expected="root:root")


@check("B03", title_zh="shadow 权限", fix="chmod 640 /etc/shadow")
def test_shadow_mode(host: Host) -> None:
    """/etc/shadow has the right mode and group."""
    found = host.read("stat -c '%%a %%G' %s", "/etc/shadow")
    expect("mode and group", found=found, expected=f"{PROMISE['shadow_mode']} {PROMISE['shadow_group']}")


@check("B04", title_zh="配置权限", fix="chmod 644 it")
def test_conf_mode(node: Node, host: Host) -> None:
    """The host's configuration has the right mode."""
    expect("mode", found=host.read("stat -c %%a %s", conf(node)), expected="644")


@check("B05", title_zh="配置属主", fix="chown root:root it")
def test_conf_owner(node: Node, host: Host) -> None:
    """The host's configuration belongs to root."""
    expect("owner", found=host.read("stat -c %%U:%%G %s", conf(node)), expected="root:root")


@check("B06", title_zh="配置内容", fix="write its own address")
def test_conf_content(node: Node, host: Host) -> None:
    """The host's configuration names its address."""
    lines = host.lines("cat %s", conf(node))
    expect_that(f"address = {node.address}" in lines, "lines", found=lines, expected=f"address = {node.address}")


@check("B07", title_zh="转发", fix="sysctl -w")
def test_ip_forward(host: Host) -> None:
    """net.ipv4.ip_forward is as promised."""
    expect("ip_forward", found=host.read("cat /proc/sys/net/ipv4/ip_forward"), expected=PROMISE["ip_forward"])


@check("B08", title_zh="swappiness", fix="sysctl -w")
def test_swappiness(host: Host) -> None:
    """vm.swappiness is as promised."""
    expect("swappiness", found=host.read("cat /proc/sys/vm/swappiness"), expected=PROMISE["swappiness"])


@check("B09", title_zh="somaxconn", fix="sysctl -w")
def test_somaxconn(host: Host) -> None:
    """net.core.somaxconn is as promised."""
    expect("somaxconn", found=host.read("cat /proc/sys/net/core/somaxconn"), expected=PROMISE["somaxconn"])


@check("B10", title_zh="根文件系统", fix="reinstall")
def test_root_filesystem(host: Host) -> None:
    """The root file system has the right type."""
    mounts = [line.split() for line in host.lines("cat /proc/mounts")]
    expect("type of /", found=[m[2] for m in mounts if m[1] == "/"][-1], expected=PROMISE["root_filesystem"])


@check("B11", title_zh="root 用户", fix="usermod")
def test_root_user(host: Host) -> None:
    """Root has uid 0 and its shell."""
    found = host.read("getent passwd root").split(":")[2::4]
    expect("uid and shell", found=found, expected=["0", PROMISE["root_shell"]])


@check("B12", title_zh="nobody 用户", fix="usermod")
def test_nobody_user(host: Host) -> None:
    """Nobody has its uid."""
    expect("uid", found=host.read("getent passwd nobody").split(":")[2], expected=str(PROMISE["nobody_uid"]))


@check("B13", title_zh="openssh 已安装", fix="apt-get install openssh-server")
def test_openssh_installed(host: Host) -> None:
    """openssh-server is installed in the promised version."""
    found = host.read("dpkg-query -W -f '${Status} ${Version}' openssh-server")
    expect("package", found=found, expected=f"install ok installed {PROMISE['openssh']}")


@check("B14", title_zh="telnetd 未安装", fix="apt-get purge telnetd")
def test_telnetd_absent(host: Host) -> None:
    """No telnetd."""
    found = host.run("dpkg-query -W -f '${Status}' telnetd").stdout
    expect_that("ok installed" not in found, "telnetd", found=found, expected="not installed")


@check("B15", title_zh="操作系统", fix="reinstall")
def test_os_release(host: Host) -> None:
    """The operating system is the promised one."""
    system = os_release.parse(host.read("cat /etc/os-release"))
    expect("system", found=[system.id, system.version], expected=PROMISE["os"])


@check("B16", title_zh="内核", fix="reboot")
def test_kernel(host: Host) -> None:
    """The kernel is the promised one."""
    expect("kernel", found=host.read("uname -r"), expected=PROMISE["kernel"])


@check("B17", title_zh="内存", fix="add memory")
def test_memory(host: Host) -> None:
    """All memory is there."""
    expect("MiB", found=meminfo.parse(host.read("cat /proc/meminfo")).total >> 20, expected=PROMISE["memory_mib"])


@check("B18", title_zh="swap", fix="swapoff -a")
def test_swap(host: Host) -> None:
    """The swap partitions are the promised ones."""
    areas = [line.split() for line in host.lines("cat /proc/swaps")[1:]]
    expect("partitions", found=sorted(a[0] for a in areas if a[1] == "partition"), expected=PROMISE["swap_partitions"])


@check("B19", title_zh="sshd 监听", fix="start sshd")
def test_sshd_listens(host: Host) -> None:
    """Something listens on the port of sshd."""
    ports = {line.split()[3].rpartition(":")[2] for line in host.lines("ss -Hltn")}
    expect_that(str(PROMISE["port"]) in ports, "ports", found=ports, expected=PROMISE["port"])


@check("B20", title_zh="sshd 运行", fix="start sshd")
def test_sshd_runs(host: Host) -> None:
    """sshd runs as root."""
    expect_that("root" in host.read("ps -C sshd -o user=").split(), "sshd", found="", expected="runs as root")
