"""H: what kubeadm and the pod network need of the kernel."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.facts.files import text_of
from dlws.facts.kernel import (
    SETTINGS,
    forgotten_modules,
    missing_modules,
    modules_kept_out,
    setting,
    settings_at_boot,
)
from dlws.parse.host import kernels
from dlws.parse.versions import kubernetes
from dlws.remote.host import Host
from dlws.verdict import Severity

CONTROLLERS = {"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}
UNIFIED = "/sys/fs/cgroup/cgroup.controllers"
UNIFIED_CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}
"""What kubelet needs of cgroup v2, where devices and freezer are no controllers."""
KNOWS_UNIFIED = (1, 19)
"""The first Kubernetes whose kubelet runs on cgroup v2 alone (its changelog, #85218)."""
OPTIONS = (
    "NAMESPACES",
    "NET_NS",
    "PID_NS",
    "IPC_NS",
    "UTS_NS",
    "CGROUPS",
    "MEMCG",
    "CPUSETS",
    "INET",
    "EXT4_FS",
    "OVERLAY_FS",
)
_PICK = f"sed -n -E '/^CONFIG_({'|'.join(OPTIONS)})=/p'"
READ_OPTIONS = (
    f"set -e; f=/boot/config-$(uname -r); if test -e $f; then {_PICK} $f; elif test -e /proc/config.gz; then"
    f" zcat /proc/config.gz | {_PICK}; else echo no configuration; fi"
)
READ_NAMESPACES = "ls /proc/self/ns"
NAMESPACES = ("ipc", "net", "pid", "uts")
INOTIFY = {"max_user_instances": 8192, "max_user_watches": 131_072}
"""Judgement (kops#2913): each container that follows files takes some; newer kernels give watches by memory."""


@check(
    "H11",
    section="3.10",
    source="kubeadm container runtimes",
    title_zh="内核模块已加载且开机加载",
    fix="modprobe -a br_netfilter overlay nf_conntrack; list them in a file in /etc/modules-load.d/, and"
    " take lines that keep them out from /etc/modprobe.d/",
)
def test_kernel_modules(host: Host) -> None:
    """The kernel modules br_netfilter, overlay and nf_conntrack are available now and at boot."""
    expect("missing kernel modules", found=missing_modules(host), expected=[])
    expect("modules not loaded at boot", found=forgotten_modules(host), expected=[])
    expect("lines of modprobe.d that keep one out at boot", found=modules_kept_out(host), expected=[])


@check(
    "H12",
    section="3.10",
    source="kubeadm FileContent",
    title_zh="网桥与转发内核参数正确且持久",
    fix="set net.bridge.bridge-nf-call-iptables and net.ipv4.ip_forward to 1 in /etc/sysctl.d, and take out what sets"
    " net.ipv4.conf.all.forwarding, which is the same, to 0",
)
def test_bridged_packets_are_filtered(host: Host) -> None:
    """Bridged packets pass through iptables and IP forwarding is on, now and at boot, as services require."""
    now = {key: text_of(host, f"/proc/sys/{key.replace('.', '/')}") for key in SETTINGS}
    at_boot = settings_at_boot(host)
    expect("kernel settings that are not 1", found=[key for key in SETTINGS if now[key] != "1"], expected=[])
    forgotten = [key for key in SETTINGS if at_boot.get(key) != "1"]
    expect("kernel settings not set to 1 in /etc/sysctl.d", found=forgotten, expected=[])


@preflight
@check(
    "H13",
    section="2.1",
    source="kubeadm SystemVerification",
    title_zh="所需 cgroup 控制器已启用",
    fix="remove cgroup_disable= from GRUB_CMDLINE_LINUX in /etc/default/grub, or for an older kubelet add"
    " systemd.unified_cgroup_hierarchy=0; update-grub; reboot",
)
def test_cgroup_controllers(cluster: Cluster, host: Host) -> None:
    """The kernel has the cgroup controllers that the kubelet needs (cgroup v1; from Kubernetes 1.19 on also v2)."""
    unified = text_of(host, UNIFIED)
    found = frozenset(unified.split()) if unified is not None else kernels.controllers(host.read("cat /proc/cgroups"))
    wanted = CONTROLLERS if unified is None else UNIFIED_CONTROLLERS
    expect("missing cgroup controllers", found=wanted - found, expected=set())
    release = kubernetes(cluster.kubernetes_version)
    knows = unified is None or release.numbers >= KNOWS_UNIFIED
    expect_that(knows, f"cgroups for Kubernetes {release}", found="v2 alone", expected="v1, which its kubelet needs")


@preflight
@check(
    "H14",
    section="2.1",
    source="kubeadm SystemVerification",
    title_zh="内核编译选项满足要求",
    fix="boot the distribution's own kernel: linux-image-generic",
)
def test_kernel_configuration(host: Host) -> None:
    """The kernel was built with the options that containers need (judged by its namespaces if not known)."""
    text = host.read(READ_OPTIONS)
    if text.strip() == "no configuration":
        there = host.read(READ_NAMESPACES).split()
        expect("missing namespaces", found=[name for name in NAMESPACES if name not in there], expected=[])
        return
    there_too = kernels.options(text)
    expect("missing kernel options", found=[name for name in OPTIONS if name not in there_too], expected=[])


@check(
    "H15",
    section="3.10",
    source="kops#2913",
    severity=Severity.WARNING,
    title_zh="inotify 上限充足",
    fix="set fs.inotify.max_user_instances and .max_user_watches in /etc/sysctl.d; sysctl --system",
)
def test_inotify_limits(host: Host) -> None:
    """The inotify limits are high enough for the kubelet and log readers of a host full of containers."""
    found = {key: setting(host, f"fs.inotify.{key}") for key in INOTIFY}
    low = [f"{key} {found[key]}, not {least} or more" for key, least in INOTIFY.items() if found[key] < least]
    expect("inotify limits that are too low", found=low, expected=[])
