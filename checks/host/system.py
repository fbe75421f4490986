"""H: the host and its operating system."""

from __future__ import annotations

import re
from collections import defaultdict

from dlws.config import platforms
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.engine.targets import whole_cluster, workers
from dlws.facts.across_hosts import reachable_hosts
from dlws.facts.files import text_of
from dlws.facts.packages import missing_packages
from dlws.facts.system import enforces_secure_boot, has_efi, host_name, machine_of, operating_system
from dlws.inventory import Node
from dlws.parse.host import dpkg, meminfo
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Severity

KUBEADM_CPUS = 2
KUBEADM_MEMORY = 1700 * 1024 * 1024  # bytes; kubeadm's own floor, MB as it counts them


@preflight
@check(
    "H01",
    section="2.1",
    source="runbook 2.1",
    title_zh="操作系统版本符合手册要求，或由 suite.platforms 接受",
    fix="install Ubuntu 18.04 (NPU hosts: 18.04.1, with base-files on hold to keep the point release); if the site"
    " accepts the release that is there, add a row to suite.platforms",
)
def test_operating_system(cluster: Cluster, node: Node, host: Host) -> None:
    """The operating system is Ubuntu 18.04, exactly 18.04.1 on an NPU host, or a release that the site accepts."""
    system = operating_system(host)
    release = system.point or system.version or "without a release"
    rows = {
        "runbook 2.1": platforms.demanded(node),
        "suite.platforms": platforms.accepted(cluster.suite.platforms, node),
    }
    wanted = [f"{row} ({who})" for who, found in rows.items() for row in found]
    fits = any(row.takes(system.id, release) for found in rows.values() for row in found)
    expect_that(fits, "operating system", found=f"{system.id} {release}", expected=" or ".join(wanted))


@preflight
@check(
    "H02",
    section="2.1",
    source="config.yaml archtype",
    title_zh="CPU 架构与配置一致",
    fix="correct archtype in config.yaml",
)
def test_architecture(node: Node, host: Host) -> None:
    """The CPU architecture matches the configured archtype."""
    expect("uname -m", found=machine_of(host), expected=node.arch.machine)


@check(
    "H05",
    section="3.8",
    source="update-notifier",
    title_zh="没有待执行的重启",
    fix="reboot the host",
    severity=Severity.WARNING,
)
def test_no_reboot_is_pending(host: Host) -> None:
    """No installed package requires a reboot."""
    asks = text_of(host, "/var/run/reboot-required")
    packages = text_of(host, "/var/run/reboot-required.pkgs")
    found = sorted(set((packages or "").split())) or ("an unnamed package" if asks is not None else [])
    expect("packages that require a reboot", found=found, expected=[])


@preflight
@check(
    "H06",
    section="2.1",
    source="runbook 2.1",
    on=workers,
    title_zh="SecureBoot 已关闭",
    fix="turn Secure Boot off in the firmware: the accelerator's driver is not signed",
)
def test_secure_boot_is_off(host: Host) -> None:
    """Secure Boot is off (hosts without EFI have none)."""
    found = "on" if has_efi(host) and enforces_secure_boot(host) else "off"
    expect("Secure Boot", found=found, expected="off")


@preflight
@check(
    "H07",
    section="2.1",
    source="kubeadm NumCPU, Mem",
    title_zh="CPU 与内存满足最低要求",
    fix="give the host at least 2 CPUs and 1700 MB of memory",
)
def test_cpu_and_memory(host: Host) -> None:
    """The host has at least 2 CPUs and 1700 MB of memory, as kubeadm requires."""
    cpus = meminfo.nproc(host.read("nproc"))
    expect_that(cpus >= KUBEADM_CPUS, "CPUs", found=cpus, expected=f"at least {KUBEADM_CPUS}")
    total = meminfo.parse(host.read("cat /proc/meminfo")).total
    least = f"at least {KUBEADM_MEMORY >> 20} MiB"
    expect_that(total >= KUBEADM_MEMORY, "memory", found=f"{total >> 20} MiB", expected=least)


@preflight
@check(
    "H17",
    section="2.1",
    source="kubeadm docs, weave#2427",
    on=whole_cluster,
    title_zh="machine-id 在集群内唯一",
    fix="on the clones: rm /etc/machine-id; systemd-machine-id-setup; reboot",
)
def test_machine_ids_are_unique(hosts: dict[str, Host]) -> None:
    """No two hosts have the same machine-id."""
    owners = defaultdict(list)
    for name, host in reachable_hosts(hosts).items():
        machine_id = host.read("cat /etc/machine-id").strip()
        if not re.fullmatch("[0-9a-f]{32}|", machine_id):
            raise unparsable(f"{name}: /etc/machine-id", machine_id)
        owners[machine_id].append(name)
    expect("hosts without a machine-id", found=owners.pop("", []), expected=[])
    shared = [" and ".join(names) for names in owners.values() if len(names) > 1]
    expect("hosts with the same machine-id", found=shared, expected=[])


@check(
    "H20", section="2.2", source="kubeadm Hostname", title_zh="主机名与配置一致", fix="hostnamectl set-hostname <name>"
)
def test_hostname(node: Node, host: Host) -> None:
    """The host name, now and at boot, is the machine's key in config.yaml (hostname(5): `#` begins a comment)."""
    expect("current host name", found=host_name(host), expected=node.name)
    text = text_of(host, "/etc/hostname")
    at_boot = [line.strip() for line in (text or "").splitlines() if line.strip() and not line.startswith("#")]
    found = "no file" if text is None else " ".join(at_boot)
    expect("host name in /etc/hostname", found=found, expected=node.name)


@check(
    "H28",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    title_zh="没有安装不完整的软件包",
    fix="dpkg --configure -a; apt-get -f install",
)
def test_packages_are_whole(host: Host) -> None:
    """dpkg reports no half-installed package."""
    expect("dpkg --audit", found=dpkg.audit(host.read("dpkg --audit")), expected=())


@check(
    "H34",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    title_zh="节点所需软件包已安装",
    fix="apt-get install <the missing packages>",
)
def test_node_packages_are_installed(cluster: Cluster, host: Host) -> None:
    """The packages that every node needs are installed."""
    expect("missing packages", found=missing_packages(host, cluster.suite.packages.node), expected=[])
