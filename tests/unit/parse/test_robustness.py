"""Whatever text comes, a parser returns a value or raises Unparsable, and nothing else; and it takes no NUL."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.kubernetes import no_proxy
from dlws.parse import versions
from dlws.parse.accelerators import (
    all_reduce,
    ascend,
    dcgm,
    hccn,
    hccn_link,
    nccl_tests,
    npu_chip,
    npu_smi,
    nvbandwidth,
    nvidia_driver,
    nvidia_fabric,
    nvidia_log,
    nvidia_smi,
    nvidia_temperature,
    nvidia_topology,
    nvlink,
)
from dlws.parse.host import (
    accounts,
    acl,
    apt_locks,
    authorized_keys,
    boot,
    daemon_json,
    dkms,
    docker_info,
    dpkg,
    getent,
    ipmi,
    kernel_log,
    kernels,
    lscpu,
    lspci,
    meminfo,
    modes,
    modules,
    os_release,
    pam,
    processes,
    secure_boot,
    sshd_t,
    sudoers,
    swaps,
    sysctl_conf,
    systemd,
    timedate,
    unattended,
)
from dlws.parse.network import (
    bonding,
    ebtables,
    firewall,
    ip_addr,
    ip_route,
    iperf3,
    iptables_save,
    lldp,
    nftables,
    ping,
    resolv_conf,
    sockets,
    weave,
)
from dlws.parse.platform import alerts, answers, mysql_accounts
from dlws.parse.storage import df, exportfs, fio, fstab, mdstat, mounts, smart
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
BOOT_ID = "09be6d31-69bb-49fe-b7a2-7c05814d5868"
PARSERS: dict[str, Callable[[str], object]] = {
    "accounts.group": accounts.group,
    "accounts.passwd": accounts.passwd,
    "answers.parse": answers.parse,
    "iptables_save.parse": iptables_save.parse,
    "mysql_accounts.parse": mysql_accounts.parse,
    "systemd.unit_files": systemd.unit_files,
    "alerts.active": alerts.active,
    "alerts.samples": alerts.samples,
    "apt_locks.holders inodes": lambda text: apt_locks.holders("", text),
    "apt_locks.holders locks": lambda text: apt_locks.holders(text, "1 /var/lib/dpkg/lock"),
    "ascend.install_info": ascend.install_info,
    "ascend.version_info": ascend.version_info,
    "authorized_keys.parse": authorized_keys.parse,
    "bonding.down": bonding.down,
    "boot.parse id": lambda text: boot.parse(text, "1 (init) S 0"),
    "boot.parse stat": lambda text: boot.parse(BOOT_ID, text),
    "daemon_json.merge": lambda text: daemon_json.merge(text, {"runtimes": {"nvidia": {"path": "n"}}}),
    "dcgm.failures": dcgm.failures,
    "df.inodes": df.inodes,
    "ebtables.drops": ebtables.drops,
    "acl.others_who_write": acl.others_who_write,
    "df.parse": df.parse,
    "dkms.status": dkms.status,
    "docker_info.parse": docker_info.parse,
    "dpkg.audit": dpkg.audit,
    "dpkg.holds": dpkg.holds,
    "pam.files": pam.files,
    "dpkg.owned": dpkg.owned,
    "dpkg.packages": dpkg.packages,
    "exportfs.at_start": exportfs.at_start,
    "exportfs.parse": exportfs.parse,
    "fio.written": fio.written,
    "firewall.iptables_chain": firewall.iptables_chain,
    "firewall.iptables_chains": firewall.iptables_chains,
    "firewall.ufw_status": firewall.ufw_status,
    "fstab.comment_out_swap": fstab.comment_out_swap,
    "fstab.with_mount": lambda text: fstab.with_mount(text, "a:/b /c nfs x 0 0"),
    "getent.addresses": lambda text: getent.addresses("atlas01", text),
    "hccn.conf": hccn.conf,
    "hccn.fec": hccn.fec,
    "hccn.ip": hccn.ip,
    "hccn.link_is_up": hccn.link_is_up,
    "hccn.lost": hccn.lost,
    "hccn.net_health": hccn.net_health,
    "hccn.speed": hccn.speed,
    "hccn.tls_is_on": hccn.tls_is_on,
    "hccn_link.downs": lambda text: hccn_link.downs(text, timedelta(hours=1)),
    "hccn_link.optical": hccn_link.optical,
    "iperf3.received": iperf3.received,
    "ip_addr.parse": ip_addr.parse,
    "ip_route.neighbours": ip_route.neighbours,
    "ip_route.routes": ip_route.routes,
    "ipmi.faults": ipmi.faults,
    "kernel_log.faults": kernel_log.faults,
    "kernels.controllers": kernels.controllers,
    "kernels.options": kernels.options,
    "kernels.parse": kernels.parse,
    "lldp.neighbour": lldp.neighbour,
    "lscpu.parse": lscpu.parse,
    "lspci.display_cards": lspci.display_cards,
    "lspci.links": lspci.links,
    "mdstat.parse": mdstat.parse,
    "meminfo.nproc": meminfo.nproc,
    "meminfo.parse": meminfo.parse,
    "modes.parse": modes.parse,
    "modules.at_boot": modules.at_boot,
    "modules.kept_out": modules.kept_out,
    "modules.loaded": modules.loaded,
    "mounts.parse": mounts.parse,
    "all_reduce.parse": all_reduce.parse,
    "nccl_tests.all_reduce": nccl_tests.all_reduce,
    "npu_chip.board": npu_chip.board,
    "npu_chip.common": npu_chip.common,
    "npu_chip.ecc": npu_chip.ecc,
    "npu_chip.health": npu_chip.health,
    "npu_smi.cards": npu_smi.cards,
    "npu_smi.info": npu_smi.info,
    "npu_smi.mapping": npu_smi.mapping,
    "nftables.closing": lambda text: nftables.closing(text, nftables.BaseChain("inet", "filter", "input", "accept")),
    "nftables.base_chains": lambda text: nftables.base_chains(text, nftables.PASSING),
    "nvbandwidth.per_gpu": nvbandwidth.per_gpu,
    "nvidia_driver.fabric_manager": nvidia_driver.fabric_manager,
    "nvidia_driver.loaded": nvidia_driver.loaded,
    "nvidia_fabric.troubles": nvidia_fabric.troubles,
    "nvidia_log.begins": nvidia_log.begins,
    "nvidia_log.errors": nvidia_log.errors,
    "nvidia_smi.corrupted_inforoms": nvidia_smi.corrupted_inforoms,
    "nvidia_smi.gpus": nvidia_smi.gpus,
    "nvidia_smi.listed": nvidia_smi.listed,
    "nvidia_smi.lost": nvidia_smi.lost,
    "nvidia_smi.table": nvidia_smi.table,
    "nvidia_temperature.parse": nvidia_temperature.parse,
    "nvidia_topology.parse": nvidia_topology.parse,
    "nvlink.parse": nvlink.parse,
    "os_release.parse": os_release.parse,
    "ping.parse": ping.parse,
    "processes.open_files": processes.open_files,
    "processes.parse": processes.parse,
    "proxies.parse": no_proxy.parse,
    "resolv_conf.parse": resolv_conf.parse,
    "secure_boot.is_on": secure_boot.is_on,
    "smart.parse": smart.parse,
    "sockets.parse": sockets.parse,
    "sshd_t.parse": sshd_t.parse,
    "sudoers.parse": sudoers.parse,
    "swaps.parse": swaps.parse,
    "sysctl_conf.parse": sysctl_conf.parse,
    "systemd.failed": systemd.failed,
    "systemd.show": systemd.show,
    "timedate.synchronised": timedate.synchronised,
    "unattended.parse": unattended.parse,
    "versions.ascend": versions.ascend,
    "versions.docker": versions.docker,
    "versions.nvidia": versions.nvidia,
    "versions.ubuntu": versions.ubuntu,
    "weave.connections": weave.connections,
    "weave.unreachable_owners": weave.unreachable_owners,
}
# One good answer of each format, to cut, double and spoil.
GOOD = [
    *(path.read_text() for path in sorted(DATA.rglob("*.*"))),
    "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 8 0 -2\n",
    "MemTotal: 1 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\n",
    "/swap none swap sw 0 0\n",
    "/mnt/local    \t<world>(rw,async,wdelay)\n/srv/very/long/path\n\t\t10.0.0.0/8(ro)\n",
    "atlas02:/mnt/local /mntdlws nfs4 rw,relatime,vers=4.2 0 0\n",
    'ID=ubuntu\nVERSION_ID="18.04"\nVERSION="18.04.1 LTS"\n',
    "LoadState=loaded\nActiveState=active\n",
    "a.swap loaded failed failed A\n",
    "-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n",
    "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n",
    "Status: active\n",
    "nameserver 10.0.0.1\nsearch sigsus.cn\noptions edns0\n",
    "1.2.3.4 STREAM atlas01\n1.2.3.4 DGRAM\n1.2.3.4 RAW\n",
    "2 packets transmitted, 1 received, 50% packet loss, time 1ms\n",
    "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n",
    "Filesystem 1-blocks Used Available Capacity Mounted on\n/dev/vda 9 4 5 44% /\n",
    "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/vda 9 4 5 44% /\n",
    "Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0]\n      9 blocks [2/2] [UU]\n",
    "port 22\nhostkey /etc/ssh/k\nipqos lowdelay throughput\n",
    "root:x:0:0:root:/root:/bin/bash\n",
    "docker:x:998:a,b\n",
    "uid=0(root) gid=0(root) groups=0(root),27(sudo)\n",
    "User a may run the following commands on b:\n    (ALL : ALL) NOPASSWD: ALL\n",
    'from="10.0.0.1" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIdyCYuuBk08Ir6OEUBBCMMRoEks6P3i8d7UF69lF74p a b\n',
    '{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}\n',
    "sudo\t1.9.13p3-1\tiU \n",
    "They must be configured:\n sudo    Provide limited super user privileges\n",
    "1: POSIX  ADVISORY  WRITE 906 fe:00:402117 0 EOF\n",
    "402117 /var/lib/dpkg/lock\n",
    BOOT_ID + "\n",
    "1 (a) b) S " + " ".join(map(str, range(48))) + "\n",
    "nvidia 20008960 2 nvidia_uvm,nvidia_modeset, Live 0xffffffffc0400000 (POE)\n",
    "net.ipv4.ip_forward = 1\n",
    "0000:1a:00.0 3D controller [0302]: NVIDIA Corporation GV100GL [10de:1db5] (rev a1)\n",
    "0000:c1:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. Device [19e5:d801] (rev 20)\n",
    "Fabric Manager version is : 610.57.04\n",
    "0, V100, GPU-5c8b2f4e-0c1d, N/A, 440.33.01, 00000000:1A:00.0, 32510\n",
    "GPU 0: Tesla V100 (UUID: GPU-5c8b2f4e-0c1d)\n",
    "GPU 0: Tesla V100 (UUID: GPU-5c8b2f4e-0c1d)\n\t Link 0: 25.781 GB/s\n",
    "Attached GPUs : 1\nGPU 00000000:06:00.0\n GPU Current Temp : 33 C\n GPU Slowdown Temp : 87 C\n",
    "\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV2\t0-19\nGPU1\tNV2\t X \t0-19\n",
    "kernel: NVRM: Xid (PCI:0000:06:00): 79, pid=1312, GPU has fallen off the bus.\n",
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.64  Fri Feb 21 01:17:26 UTC 2020\n",
    '{"DCGM Diagnostic": {"test_categories": [{"tests": [{"name": "a", "results": [{"status": "Pass"}]}]}]}}',
    "\tHealth Status : Alarm\n\tError Code : 80C98001\n\tError Information : x\n",
    "== hccn_tool -i 0 -link -g\nlink status: UP\n\n== exit 0\n",
    "0000:c1:00.0 Accelerators: a\n\t\tLnkCap:\tSpeed 8GT/s, Width x8\n\t\tLnkSta:\tSpeed 8GT/s, Width x8\n",
    "fec mode: rs FEC mode\n",
    "3 packets transmitted, 3 received, 0.00% packet loss\n",
    "[devid 2]current time : Fri Sep  1 06:37:26 2023\n[devid 2]link up count : 2\n",
    "optical info:\npresent : not present\n",
    "ipaddr:192.168.100.101\nnetmask:255.255.255.0\n",
    "address_0=192.168.100.101\nnetmask_0=255.255.255.0\n",
    "Version=1.72.T2.100.B020\n",
    "20.2.2.spc001",
    "20.10.24+dfsg1",
    "4.15.0-29-generic\nvmlinuz-4.15.0-29-generic\n",
    "CONFIG_INET=y\nCONFIG_OVERLAY_FS=m\n",
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t74\t1\n",
    "2026-11-27T08:12:44+0800 atlas01 kernel: Out of memory: Kill process 4711 (python)\n",
    "Ss 1 0 systemd\nD<l 4711 86 kworker/u8:2+flush\n",
    "docker Max open files            1048576              unlimited              files     \n",
    "       System clock synchronized: yes\n",
    "CPU(s):              128\nSocket(s):           2\nNUMA node(s):        4\n",
    "== /dev/sda\nSMART Health Status: OK\n== rc 0\n",
    "Fan2             | 31h | lcr |  7.1 | 120 RPM\n",
    "600 root:root f /etc/kubernetes/admin.conf\n",
    'tcp LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=2201,fd=31))\n',
    "10.2.1.0/24 via 192.168.3.2 dev eth0\n",
    "192.168.3.2 dev eth0 lladdr 02:42:c0:a8:03:20 REACHABLE\n",
    "== /proc/net/bonding/bond0\nMII Status: up\nSlave Interface: eth1\nMII Status: down\n",
    "== docker\nHTTPS_PROXY\nno_proxy=10.0.0.0/8\n",
    "-> 192.168.3.2:6783 established sleeve 1a:2b:3c:4d:5e:6f(atlas02) mtu=1438\n",
    '[{"status": {"state": "active"}, "labels": {"alertname": "NodeNotReady"}}]',
    '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "8"]}]}}',
    '{"end": {"sum_received": {"bits_per_second": 9409876543.2}}}',
    '{"jobs": [{"jobname": "a", "error": 0, "write": {"bw": 1024000}}]}',
    "memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)\n           0         1\n 0     26.32     26.31\n",
    "  1024  256  float  sum  -1  4.1\n# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 130.674 \n",
    'dlws-probe {"ranks": 16, "bytes": 268435456, "seconds": 0.0231, "wrong": [9]}\n',
    "davinci_ascend/1.0, 5.15.0-25-generic, aarch64: installed\n",
    "Port ID TLV\n\tIfname: 100GE1/0/1\nSystem Name TLV\n\tleaf1\n",
    "1a:2b:3c:4d:5e:71(atlas09) 524288 IPs (50.0% of total) - unreachable!\n",
]


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A good answer with a stretch of it cut out, doubled, or replaced."""
    text = draw(st.sampled_from(GOOD))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 60)) | st.just(len(text)))
    between = draw(
        st.sampled_from(["", text[start:end] * 2, "\x1b[31m", "\ufffd", "²", "9" * 40, ":", "\x85"])
        | st.text(max_size=6)
    )
    return text[:start] + between + text[end:]


@given(st.text(max_size=80) | spoiled())
def test_a_parser_raises_unparsable_or_nothing(text):
    messages = []
    for parse in PARSERS.values():
        try:
            parse(text)
        except Unparsable as error:
            messages.append(str(error))
    assert all(len(message) < 400 for message in messages)  # the offending line, not the whole output


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_every_good_answer_is_understood_by_some_parser(text):
    understood = []
    for name, parse in PARSERS.items():
        try:
            parse(text)
        except Unparsable:
            continue
        understood.append(name)
    assert understood


@pytest.mark.parametrize("banner", ["欢迎使用 atlas01\n", "欢迎使用 atlas01\n".encode("gbk").decode(errors="replace")])
@pytest.mark.parametrize("parse", [swaps.parse, nvidia_smi.table, npu_smi.info, npu_smi.mapping, npu_chip.board])
def test_a_chinese_banner_in_any_encoding_is_passed_over(parse, banner):
    understood = 0
    for text in GOOD:
        with suppress(Unparsable):
            assert parse(banner + text) == parse(text)
            understood += 1
    assert understood


@pytest.mark.parametrize("name", PARSERS)
def test_nul_is_never_understood(name):
    with pytest.raises(Unparsable):
        PARSERS[name]("\0\0\0\0")


@pytest.mark.parametrize("name", PARSERS)
def test_a_long_line_takes_no_long_time(name):
    started = time.process_time()
    for line in (
        "a" * 20_000,
        " " * 20_000 + "x",
        '"\\' * 10_000,
        "| " * 10_000,
        "1." * 10_000,
        "0000:1a:00.0 " + "[0302]: " * 2_000,
    ):
        with suppress(Unparsable):
            PARSERS[name](line)
    assert time.process_time() - started < 2
