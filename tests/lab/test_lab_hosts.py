"""A host of the lab does what a server does: logs in, reboots, swaps, installs packages, runs containers.

On hosts of its own, so that the four of the cluster stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import paramiko
import pytest

from lab import daemon, hosts, image, packages
from lab.plan import HOSTS, PROBE_ARCHIVE, LabHost
from lab.process import wait_for
from lab.record import lock

pytestmark = pytest.mark.lab

PASSWORD = "as-good-as-any"
PID_1_START = "cut -d ' ' -f 22 /proc/1/stat"


@pytest.fixture(scope="module")
def gpu_host() -> Iterator[LabHost]:
    yield from _host(replace(HOSTS["atlas-gpu02"], name="scratch-gpu", address="192.168.3.21", hostname="scratch"))


@pytest.fixture(scope="module")
def npu_host() -> Iterator[LabHost]:
    yield from _host(replace(HOSTS["atlas01"], name="scratch-npu", address="192.168.3.22", hostname="scratch"))


def _host(host: LabHost) -> Iterator[LabHost]:
    with lock():
        daemon.start()
        tag = image.ensure()
        packages.ensure()
        image.ensure_probe(PROBE_ARCHIVE)
    hosts.remove(host)
    hosts.create(host, tag, PASSWORD)
    yield host
    hosts.remove(host)


def login(host: LabHost, password: str | None = None, key: paramiko.PKey | None = None) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host.address, 22, "root", password, key, look_for_keys=False, allow_agent=False, timeout=10)
    return client


def reboot(host: LabHost) -> None:
    before = hosts.execute(host, PID_1_START)
    hosts.execute(host, "systemctl reboot")
    wait_for("a new first process", lambda: hosts.system_state(host) in hosts.UP_STATES and _start(host) != before, 60)
    hosts.wait_until_up(host)


def _start(host: LabHost) -> str:
    return hosts.execute(host, PID_1_START)


def test_root_logs_in_by_password_and_by_key(gpu_host: LabHost) -> None:
    key = paramiko.ECDSAKey.generate()
    line = f"{key.get_name()} {key.get_base64()}\n"
    with login(gpu_host, password=PASSWORD) as by_password:
        stdin, stdout, _ = by_password.exec_command("mkdir -p -m 700 .ssh && cat > .ssh/authorized_keys")
        stdin.write(line)
        stdin.channel.shutdown_write()
        assert stdout.channel.recv_exit_status() == 0
    with login(gpu_host, key=key) as by_key:
        assert by_key.exec_command("id -un")[1].read() == b"root\n"


def test_hosts_present_different_keys_and_machine_ids(gpu_host: LabHost, npu_host: LabHost) -> None:
    for path in ("/etc/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id"):
        assert hosts.execute(gpu_host, f"cat {path}") != hosts.execute(npu_host, f"cat {path}")


def test_host_is_what_its_inventory_row_says(npu_host: LabHost) -> None:
    assert hosts.execute(npu_host, "uname -m") == "aarch64\n"
    assert "Ubuntu 18.04.1 LTS" in hosts.execute(npu_host, "lsb_release -d")
    assert hosts.execute(npu_host, "npu-smi info -l").count("NPU ID") == 8
    assert len(hosts.execute(npu_host, "lspci -D -d 19e5:d801; ls -d /dev/davinci[0-9]").splitlines()) == 16


def test_reboot_brings_a_new_pid_1_and_keeps_the_disk(npu_host: LabHost) -> None:
    kept = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /etc/hostname; ls /dev/davinci7"
    hosts.execute(npu_host, "hostnamectl set-hostname atlas99; touch /run/reboot-required")
    before = hosts.execute(npu_host, kept)
    reboot(npu_host)
    assert hosts.execute(npu_host, kept) == before
    assert hosts.execute(npu_host, "hostname; ls /run/reboot-required 2> /dev/null || echo gone") == "atlas99\ngone\n"


def test_swapoff_turns_off_this_hosts_swap_alone(npu_host: LabHost, gpu_host: LabHost) -> None:
    hosts.execute(npu_host, "swapoff -a")
    assert hosts.execute(npu_host, "tail -n +2 /proc/swaps") == ""
    assert "scratch-gpu.swap" in hosts.execute(gpu_host, "cat /proc/swaps")
    reboot(npu_host)
    assert "scratch-npu.swap" in hosts.execute(npu_host, "cat /proc/swaps")


def test_swap_stays_off_after_a_reboot_if_fstab_says_so(npu_host: LabHost) -> None:
    hosts.execute(npu_host, "sed -i.bak '/ swap / s/^\\(.*\\)$/#\\1/g' /etc/fstab")
    reboot(npu_host)
    assert hosts.execute(npu_host, "tail -n +2 /proc/swaps") == ""


def test_docker_runs_containers_and_gives_them_gpus(gpu_host: LabHost) -> None:
    install = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet"
    hosts.execute(gpu_host, f"apt-get update; {install} docker.io; {install} nvidia-docker2", timeout=600)
    hosts.execute(gpu_host, "systemctl restart docker")
    archive = PROBE_ARCHIVE.read_bytes()
    daemon.docker("exec", "--interactive", gpu_host.container, "docker", "load", stdin=archive)
    assert hosts.execute(gpu_host, "docker info --format '{{.Driver}} {{.DefaultRuntime}}'") == "overlay2 runc\n"
    assert len(hosts.execute(gpu_host, "nvidia-docker run --rm dlws/cuda nvidia-smi -L").splitlines()) == 8
    assert hosts.execute(gpu_host, "docker run --rm dlws/cuda sh -c 'command -v nvidia-smi || echo none'") == "none\n"
    two = "docker run --rm --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=1,5 dlws/cuda nvidia-smi -L | cut -c 1-5"
    assert hosts.execute(gpu_host, two) == "GPU 0\nGPU 1\n"  # counted from 0 inside


def test_ufw_is_installed_and_off(gpu_host: LabHost) -> None:
    assert hosts.execute(gpu_host, "ufw status") == "Status: inactive\n"
