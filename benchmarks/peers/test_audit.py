"""The 20 checks for stock testinfra: its own modules, its own `host` fixture."""

import json
import os
from pathlib import Path

import pytest

PROMISE = json.loads(Path(os.environ["BENCH_PROMISE"]).read_text())


@pytest.fixture
def address(host):
    return host.backend.hostname


@pytest.fixture
def conf(host, address):
    return host.file(f"{PROMISE['folder']}/hosts/{address}/audited.conf")


def test_passwd_mode(host):
    assert f"{host.file('/etc/passwd').mode:o}" == PROMISE["passwd_mode"]


def test_passwd_owner(host):
    assert host.file("/etc/passwd").user == "root"


def test_shadow_mode(host):
    shadow = host.file("/etc/shadow")
    assert f"{shadow.mode:o}" == PROMISE["shadow_mode"]
    assert shadow.group == PROMISE["shadow_group"]


def test_conf_mode(conf):
    assert conf.mode == 0o644


def test_conf_owner(conf):
    assert conf.user == "root"


def test_conf_content(conf, address):
    assert f"address = {address}" in conf.content_string.splitlines()


def test_ip_forward(host):
    assert host.sysctl("net.ipv4.ip_forward") == int(PROMISE["ip_forward"])


def test_swappiness(host):
    assert host.sysctl("vm.swappiness") == int(PROMISE["swappiness"])


def test_somaxconn(host):
    assert host.sysctl("net.core.somaxconn") == int(PROMISE["somaxconn"])


def test_root_filesystem(host):
    assert host.mount_point("/").filesystem == PROMISE["root_filesystem"]


def test_root_user(host):
    assert host.user("root").uid == 0
    assert host.user("root").shell == PROMISE["root_shell"]


def test_nobody_user(host):
    assert host.user("nobody").uid == PROMISE["nobody_uid"]


def test_openssh_installed(host):
    assert host.package("openssh-server").is_installed
    assert host.package("openssh-server").version == PROMISE["openssh"]


def test_telnetd_absent(host):
    assert not host.package("telnetd").is_installed


def test_os_release(host):
    assert [host.system_info.distribution, host.system_info.release] == PROMISE["os"]


def test_kernel(host):
    assert host.check_output("uname -r") == PROMISE["kernel"]


def test_memory(host):
    lines = host.file("/proc/meminfo").content_string.splitlines()
    assert next(int(line.split()[1]) >> 10 for line in lines if line.startswith("MemTotal:")) == PROMISE["memory_mib"]


def test_swap(host):
    areas = [line.split() for line in host.file("/proc/swaps").content_string.splitlines()[1:]]
    assert sorted(area[0] for area in areas if area[1] == "partition") == PROMISE["swap_partitions"]


def test_sshd_listens(host):
    assert host.socket(f"tcp://0.0.0.0:{PROMISE['port']}").is_listening


def test_sshd_runs(host):
    assert host.process.filter(user="root", comm="sshd")
