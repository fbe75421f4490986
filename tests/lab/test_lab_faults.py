"""Every fault shows on the host, and `heal` leaves nothing of it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import daemon, device_faults, faults, host_faults, hosts, image, network_faults, packages, record
from lab.plan import ALL_HOSTS, HOSTS, LabHost
from lab.process import LabError, attempt

pytestmark = pytest.mark.lab

IN_DOCKER = "docker info --format '{{.DefaultRuntime}}' 2> /dev/null || echo stopped"
CARDS = "nvidia-smi --format=csv --query-gpu"
ECC = "ecc.errors.uncorrected.volatile.total,ecc.mode.current"
PAGES = "retired_pages.pending,retired_pages.single_bit_ecc.count"
STATE = "temperature.gpu,clocks_throttle_reasons.active,power.limit"
EVIDENCE = {
    "os_version": ("npu", "lsb_release -d; cat /etc/os-release /etc/lsb-release"),
    "hostile_output": ("npu", "cat -v /etc/os-release"),
    "driver_old": ("gpu", "nvidia-smi --query-gpu=driver_version --format=csv; cat /proc/driver/nvidia/version"),
    "hostname": ("gpu", "hostname; cat /etc/hostname"),
    "firewall": ("gpu", "ufw status; iptables -S INPUT | head -n 1"),
    "root_password": ("gpu", "grep root: /etc/shadow | cut -d : -f 2"),
    "swap_fstab": ("gpu", "grep -c '^/.* swap ' /etc/fstab || true"),
    "swap_unit": ("gpu", "systemctl is-enabled var-lab.swap 2> /dev/null || true"),
    "second_sudoer": ("gpu", "cat /etc/sudoers.d/lab-guest 2> /dev/null || echo none"),
    "swap_in_rc_local": ("gpu", "cat /etc/rc.local 2> /dev/null || echo none"),
    "su_without_password": ("gpu", "cat /etc/pam.d/su"),
    "set_uid_shell": ("gpu", "find /var/tmp -perm -4000"),
    "sudo_all_but_su": ("gpu", "cat /etc/sudoers.d/lab-operator 2> /dev/null || echo none"),
    "second_root": ("gpu", "cat /etc/passwd /etc/shadow /etc/group /etc/gshadow"),
    "security_drop": ("gpu", "iptables -t security -S"),
    "daemon_json": ("gpu", f"grep -o default-runtime /etc/docker/daemon.json || true; {IN_DOCKER}"),
    "wrong_address": ("gpu", "getent hosts atlas02 || echo unknown"),
    "npu_smi_missing": ("npu", "command -v npu-smi || echo missing"),
    "device_lost": ("npu", "npu-smi info -l | head -n 1; lspci -d 19e5: | wc -l; ls /dev/davinci[0-9]"),
    "sessions_stopped": ("gpu", "systemctl is-active lab-stops-sessions || true"),
    "change_host_key": ("gpu", "cat /etc/ssh/*.pub"),
    "fill_disk": ("gpu", "df --output=pcent /tmp /var/cache/apt/archives | grep -c 100% || true"),
    "apt_lock": ("gpu", "apt-get install --yes less > /dev/null 2>&1 && echo installed || echo refused"),
    "docker_stopped": ("gpu", f"systemctl is-active docker || true; {IN_DOCKER}"),
    **dict.fromkeys(("ecc_errors", "ecc_off"), ("gpu", f"{CARDS}={ECC}")),
    **dict.fromkeys(("page_pending", "pages_retired"), ("gpu", f"{CARDS}={PAGES}")),
    **dict.fromkeys(("gpu_hot", "gpu_unreadable", "gpu_slowed", "power_capped"), ("gpu", f"{CARDS}={STATE}")),
    **dict.fromkeys(("pcie_narrow", "persistence_off"), ("gpu", f"{CARDS}=pcie.link.width.current,persistence_mode")),
    "xid_in_log": ("gpu", "journalctl -k -q --no-pager -o short-monotonic"),
    "driver_upgraded": ("gpu", "modinfo -F version nvidia"),
    "npu_alarm": ("npu", "npu-smi info -t health -i 3 -c 0"),
    "npu_hbm_error": ("npu", "npu-smi info -t ecc -i 3"),
    "npu_hot": ("npu", "npu-smi info -t common -i 3"),
    "npu_firmware_old": ("npu", "npu-smi info -t board -i 3"),
    "npu_link_down": ("npu", "hccn_tool -i 3 -link -g"),
    "npu_link_flaps": ("npu", "hccn_tool -i 3 -link_stat -g | grep LINK"),
    "npu_net_unhealthy": ("npu", "hccn_tool -i 3 -net_health -g"),
    "npu_address_lost": ("npu", "hccn_tool -i 3 -ip -g"),
    "npu_fec_differs": ("npu", "hccn_tool -i 3 -fec -g"),
    "npu_dark": ("npu", "hccn_tool -i 3 -optical -g"),
}
OTHERWISE = {"power_off", "drop_packets", "reset_connections"}
"""Seen from outside; each has a test of its own below."""


@pytest.fixture(scope="module")
def scratch() -> Iterator[dict[str, LabHost]]:
    """A GPU host with Docker and swap switched off for good, as after an installation, and a fresh NPU host."""
    made = {
        "gpu": replace(HOSTS["atlas-gpu02"], name="scratch-gpu", address="192.168.3.23"),
        "npu": replace(HOSTS["atlas01"], name="scratch-npu", address="192.168.3.24"),
    }
    with record.lock():
        daemon.start()
        tag = image.ensure()
        packages.ensure()
    for host in made.values():
        hosts.remove(host)
        hosts.create(host, tag, "as-good-as-any")
        ALL_HOSTS[host.name] = host
    prepare = "export DEBIAN_FRONTEND=noninteractive; apt-get update; apt-get install --yes docker.io; swapoff -a"
    hosts.execute(made["gpu"], prepare, timeout=600)
    hosts.execute(made["gpu"], "sed -i '/ swap /s/^/#/' /etc/fstab; mkdir -p /etc/docker")
    hosts.execute(made["gpu"], """echo '{"default-runtime": "runc"}' > /etc/docker/daemon.json""")
    yield made
    for host in made.values():
        del ALL_HOSTS[host.name]
        hosts.remove(host)


@pytest.fixture(autouse=True)
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record apart, so that `heal` leaves alone what others broke on the cluster's hosts."""
    monkeypatch.setattr(faults, "record_path", lambda: tmp_path / "faults.json")


def test_every_fault_of_a_host_is_tested() -> None:
    modules = (faults.__name__, network_faults.__name__, device_faults.__name__, host_faults.__name__)
    of_hosts = {name for name, fault in faults.FAULTS.items() if fault.do.__module__ in modules}
    assert set(EVIDENCE) | OTHERWISE == of_hosts  # those of a cluster: test_6_cluster_faults.py


@pytest.mark.parametrize("fault", EVIDENCE)
def test_fault_shows_and_heals(scratch: dict[str, LabHost], fault: str) -> None:
    kind, evidence = EVIDENCE[fault]
    host = scratch[kind]
    sound = hosts.execute(host, evidence)
    faults.inject(fault, host)
    assert hosts.execute(host, evidence) != sound
    faults.heal()
    assert _without_hash(hosts.execute(host, evidence), fault) == _without_hash(sound, fault)


def _without_hash(text: str, fault: str) -> str:
    # The healed password is the lab's, not the scratch host's: its hash differs, its scheme does not.
    return text[:3] if fault == "root_password" else text


def test_a_host_without_power_answers_nobody_until_healed(scratch: dict[str, LabHost]) -> None:
    faults.inject("power_off", scratch["gpu"])
    assert not hosts.ssh_answers(scratch["gpu"])
    faults.heal()
    assert hosts.ssh_answers(scratch["gpu"])


def test_dropped_packets_silence_a_host_without_a_reset(scratch: dict[str, LabHost]) -> None:
    faults.inject("drop_packets", scratch["gpu"])
    with pytest.raises(TimeoutError):
        socket.create_connection((scratch["gpu"].address, 22), timeout=1)
    faults.heal()
    assert hosts.ssh_answers(scratch["gpu"])


def test_connections_are_reset_under_a_client(scratch: dict[str, LabHost]) -> None:
    with socket.create_connection((scratch["gpu"].address, 22), timeout=5) as connection:
        assert connection.recv(4) == b"SSH-"
        faults.inject("reset_connections", scratch["gpu"])
        connection.recv(4096)  # the rest of the banner
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    faults.heal()


def test_faults_add_up_and_are_undone_the_latest_first(scratch: dict[str, LabHost]) -> None:
    before = hosts.execute(scratch["npu"], "cat /etc/dlws-lab/npu.tsv")
    for fault in ("driver_old", "device_lost", "os_version"):
        faults.inject(fault, scratch["npu"])
    faults.heal()
    assert hosts.execute(scratch["npu"], "cat /etc/dlws-lab/npu.tsv") == before
    assert faults.recorded() == []


def test_a_host_cannot_be_broken_twice_by_the_same_fault(scratch: dict[str, LabHost]) -> None:
    faults.inject("wrong_address", scratch["npu"])
    with pytest.raises(LabError, match="already has the fault"):
        faults.inject("wrong_address", scratch["npu"])
    faults.heal()


def test_break_without_arguments_lists_every_fault() -> None:
    listing = attempt(sys.executable, "-m", "dlws", "lab", "break").stdout
    assert all(f"{name} " in listing for name in faults.FAULTS)
