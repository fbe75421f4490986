"""H: what kubeadm and the pod network need of the kernel."""

from __future__ import annotations

from checks.files import NO_FILE, text_of
from cluster.parse import modules, sysctl_conf
from fixtures.check import check, expect
from remote.host import Host

SHOWS = {
    "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
    "overlay": "/sys/module/overlay",
}
"""A module and what is there once the kernel has it, loaded or built in."""
LIST_SHOWN = f"for f in {' '.join(SHOWS.values())}; do test ! -e $f || echo $f; done"
AT_BOOT = "cat /etc/modules /etc/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf"
SETTINGS_AT_BOOT = "cat /etc/sysctl.d/*.conf"
SETTINGS = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables", "net.ipv4.ip_forward")


@check("H11", section="3.10", source="kubeadm container runtimes", title_zh="内核模块已加载且开机加载",
       fix="modprobe br_netfilter overlay nf_conntrack; name them in /etc/modules-load.d/")  # fmt: skip
def test_kernel_modules(host: Host) -> None:
    """br_netfilter, overlay and nf_conntrack are in the kernel, after a boot too."""
    expect("modules missing in the kernel", found=missing_modules(host), expected=[])
    expect("modules that no boot loads", found=forgotten_modules(host), expected=[])


@check("H12", section="3.10", source="kubeadm FileContent", title_zh="网桥与转发内核参数正确且持久",
       fix="set net.bridge.bridge-nf-call-iptables and net.ipv4.ip_forward to 1 in /etc/sysctl.d")  # fmt: skip
def test_bridged_packets_are_filtered(host: Host) -> None:
    """Bridged packets pass iptables and the host forwards, now and after a boot: services do not work without."""
    now = {key: text_of(host, f"/proc/sys/{key.replace('.', '/')}") for key in SETTINGS}
    at_boot = sysctl_conf.parse(existing(host, SETTINGS_AT_BOOT))
    expect("kernel settings that are not 1", found=[key for key in SETTINGS if now[key] != "1"], expected=[])
    forgotten = [key for key in SETTINGS if at_boot.get(key) != "1"]
    expect("kernel settings that no file of /etc/sysctl.d sets to 1", found=forgotten, expected=[])


def missing_modules(host: Host) -> list[str]:
    """Those of the modules that the kernel has neither loaded nor built in."""
    shown = host.lines(LIST_SHOWN)
    return [name for name, path in SHOWS.items() if path not in shown]


def forgotten_modules(host: Host) -> list[str]:
    """Loaded modules that no file loads at boot. What is built in needs none."""
    loaded = modules.loaded(text_of(host, "/proc/modules") or "")  # there is none in a kernel without modules
    return sorted(loaded & SHOWS.keys() - modules.at_boot(existing(host, AT_BOOT)))


def existing(host: Host, command: str) -> str:
    """What `cat` shows of those of its files that are there."""
    result = host.run_expect([0, 1], command)
    if any(not line.endswith(NO_FILE) for line in result.stderr.splitlines()):
        raise host.no_answer(result)
    return str(result.stdout)
