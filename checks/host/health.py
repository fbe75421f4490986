"""H: the state a host is in now: its services, processes, clock, log, and what may change it behind our back."""

from __future__ import annotations

from checks import docker
from checks.host import kernel, system
from checks.kubernetes import kube_host
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.facts.packages import (
    KERNEL,
    bringers_of_kernels,
    engines,
    unattended_upgrades,
    upgrades_by_itself,
    with_headers,
)
from dlws.parse.host import dpkg, kernel_log, processes, systemd, timedate
from dlws.parse.text import number, unparsable
from dlws.remote.host import Host
from dlws.verdict import Severity, Unknown

NEEDED = ("conntrack", "ip", "iptables", "mount", "nsenter")
WANTED = ("ebtables", "ethtool", "socat", "tc", "touch")
MISSING = "for p in {}; do command -v $p >/dev/null || echo $p; done"
TIME_SERVICES = ("chrony", "ntp", "ntpsec", "openntpd", "systemd-timesyncd")
SHOW_TIME_SERVICES = f"systemctl show {' '.join(TIME_SERVICES)} -p Id -p ActiveState -p UnitFileState --no-pager"
NOT_AT_BOOT = ("disabled", "enabled-runtime", "linked", "linked-runtime", "masked", "transient")
"""States of a unit's file with which no boot starts it; an init script's is `generated` (systemctl(1), is-enabled)."""
IN_CONTAINER = "systemd-detect-virt --container"
FAILED = "systemctl --failed --no-legend --no-pager"
LOOK = (
    "ps -eo stat=,pid=,comm= | while read -r s p c; do n=0; case $s in D*)"
    " n=$(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' /proc/$p/status) || n=-1;; esac;"
    ' echo "$s $p $n $c"; done'
)
PS_TWICE = f"{LOOK}; sleep 1; echo ==; {LOOK}"
"""State, pid, how often it gave the processor up (asked of those that wait alone), name."""
ZOMBIES = 20  # judgement: more of them are a parent that does not collect its children
NEWS = (
    "set -e; journalctl -q -n 1 -o short-iso --no-pager; echo ==;"
    " t=$(journalctl -q _TRANSPORT=kernel SYSLOG_IDENTIFIER=kernel --since=-24h -o short-iso --no-pager);"
    " printf '%s\\n' \"$t\""
    f" | LC_ALL=C grep -avE '{kernel_log.COMINGS_AND_GOINGS}' || test $? = 1"
)
"""The last entry of the journal, then what the kernel said in a day, without what others write to /dev/kmsg (systemd
does) and without pods that come and go, which are the most of it."""
OPEN_FILES = 10_000
"""Judgement: 110 pods, their pipes and logs. A service that was given no limit has 1024."""
LIMITS = (
    "set -e; for s in docker kubelet; do p=$(systemctl show $s -p MainPID); p=${p#MainPID=};"
    ' if test $p -gt 0; then sed -n "s/^Max open files/$s &/p" /proc/$p/limits; fi; done'
)
CONNTRACK = "cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max"
FULL = 0.8


@check(
    "H16",
    section="3.10",
    source="kubeadm FileExisting",
    title_zh="Kubernetes 必需的命令已安装",
    fix="apt-get install conntrack iproute2 iptables mount util-linux",
)
def test_needed_commands(host: Host) -> None:
    """The commands that the kubelet and kube-proxy require are installed."""
    expect("missing commands", found=host.lines(MISSING.format(" ".join(NEEDED))), expected=[])


@check(
    "H36",
    section="3.10",
    source="kubeadm FileExisting",
    severity=Severity.WARNING,
    title_zh="kubeadm 建议的命令已安装",
    fix="apt-get install ebtables ethtool socat iproute2",
)
def test_wanted_commands(host: Host) -> None:
    """The commands that kubeadm recommends are installed."""
    expect("missing commands", found=host.lines(MISSING.format(" ".join(WANTED))), expected=[])


@check(
    "H04",
    section="3.8",
    source="Ascend FAQ",
    severity=Severity.WARNING,
    title_zh="内核与 Docker 不会被自动升级",
    fix="apt-mark hold linux-image-generic linux-image-$(uname -r) and the packages of Docker that are named; or"
    " systemctl disable --now apt-daily-upgrade.timer",
)
def test_kernel_does_not_drift(host: Host) -> None:
    """Unattended upgrades replace neither the kernel that the drivers were built for nor Docker, which would restart.

    It takes all to replace a package: a timer that is active or will be, unattended upgrades installed and enabled in
    apt, an origin that has it, no hold, and no expression of Package-Blacklist. A hold on one version, or on another
    line of kernels, holds nothing while the package is there that brings each new one.
    """
    timer = host.service("apt-daily-upgrade.timer")
    timed = timer.is_running or timer.is_enabled
    held = dpkg.holds(host.read("apt-mark showhold"))
    if not (upgrades_by_itself(host) and timed and (upgrades := unattended_upgrades(host))):
        return
    kernels = [name for name in held if KERNEL.match(name)]
    bringers = [name for name in bringers_of_kernels(host) if upgrades.may_replace(name)]
    brought = [name for name in bringers if not {name, with_headers(name)} & {*kernels}]
    free = ["kernel"] if brought or (not kernels and upgrades.may_replace("linux-image-generic")) else []
    free += [name for name in engines(host) if name not in held and upgrades.may_replace(name)]
    found = f"on, {', '.join(free)} not on hold" + "".join(f"; {name} brings others" for name in brought if kernels)
    expect_that(not free, "unattended upgrades", found=found, expected="off or kernel and Docker on hold")


@preflight
@check(
    "H21",
    section="2.1",
    source="CIS 2.2.1.1",
    title_zh="时间同步服务运行且时钟已同步",
    fix="apt-get install chrony, with the same server on all hosts; systemctl enable it; timedatectl shows the state",
)
def test_clock_is_synchronised(host: Host) -> None:
    """One time service alone runs, starts at boot, and keeps the clock synchronised (a container has its machine's)."""
    if host.run_expect([0, 1], IN_CONTAINER).rc == 0:
        return
    blocks = [systemd.show(block) for block in host.read(SHOW_TIME_SERVICES).split("\n\n")]
    if [{*block} for block in blocks] != [{"Id", "ActiveState", "UnitFileState"}] * len(TIME_SERVICES):
        raise unparsable("systemctl show", why=f"not the states of {len(TIME_SERVICES)} services")
    active = {block["Id"]: block["UnitFileState"] for block in blocks if block["ActiveState"] == "active"}
    expect_that(len(active) == 1, "running time services", found=sorted(active), expected="exactly one")
    [(name, state)] = active.items()
    expect_that(state not in NOT_AT_BOOT, f"{name} at boot", found=state, expected="enabled")
    synchronised = timedate.synchronised(host.read("LC_ALL=C timedatectl"))
    expect_that(synchronised, "clock", found="not synchronised", expected="synchronised")


@check(
    "H24",
    section="3.8",
    source="troubleshoot",
    severity=Severity.WARNING,
    title_zh="没有失败的 systemd 单元",
    fix="systemctl status <unit>; journalctl -u <unit>; once fixed: systemctl reset-failed",
)
def test_no_unit_has_failed(host: Host) -> None:
    """No systemd unit has failed."""
    expect("failed units", found=[u.name for u in systemd.failed(host.read(FAILED))], expected=[])


@check(
    "H25",
    section="3.8",
    source="upstream alert NFSHanging",
    severity=Severity.WARNING,
    title_zh="没有卡死的进程与僵尸进程",
    fix="see in /proc/<pid>/stack what it waits for: a dead share, a disk or a driver",
)
def test_no_process_hangs(host: Host) -> None:
    """No process is stuck in uninterruptible sleep, and there are at most 20 zombie processes."""
    first, mark, second = host.read(PS_TWICE).partition("\n==\n")
    if not mark:
        raise unparsable("ps", why="no second listing")
    before, now = processes.parse(first), processes.parse(second)
    waiting = {p for p in now if p.state == "D"} & {*before}
    expect("hung processes", found=sorted(f"{p.name} ({p.pid})" for p in waiting), expected=[])
    dead = [p for p in now if p.state == "Z"]
    expect_that(len(dead) <= ZOMBIES, "zombie processes", found=len(dead), expected=f"at most {ZOMBIES}")


@check(
    "H26",
    section="3.8",
    source="node-problem-detector",
    severity=Severity.WARNING,
    title_zh="近 24 小时内核日志中没有故障",
    causes=[system.test_machine_ids_are_unique],  # journald keeps the journal in a folder of that name
    fix="see journalctl -k --since=-24h; memory: find the process; disk: replace it; hung task: H25",
)
def test_kernel_log_is_clean(host: Host) -> None:
    """In the last 24 hours the kernel logged no crash, lockup, hung task, out-of-memory kill or hardware error.

    Errors of file systems, disks and network interfaces count as well.
    """
    text = host.read(NEWS, cap=8 << 20)  # bytes: a chatty kernel's day
    _, mark, news = f"{text}\n".partition("\n==\n")
    if not mark:
        said = "the journal is empty, so the kernel log cannot be judged"
        raise Unknown(f"{host.name}: {said}; after a change of the machine-id (H17) it begins anew at the next boot")
    expect("faults in the kernel log", found=kernel_log.faults(news), expected=())


@check(
    "H30",
    section="3.8",
    source="NHC",
    severity=Severity.WARNING,
    title_zh="Docker 与 kubelet 打开文件数上限充足",
    causes=[docker.test_docker_is_active, kube_host.test_kubelet_is_healthy],
    fix="set LimitNOFILE=1048576 in a drop-in of the service (systemctl edit); restart it",
)
def test_services_may_open_files(host: Host) -> None:
    """Docker and the kubelet may have at least 10000 files open."""
    found = processes.open_files(host.read(LIMITS))
    if {*found} != {"docker", "kubelet"}:
        raise Unknown(f"{host.name}: Docker or the kubelet is not running, so its limits cannot be read")
    low = [f"{service} {limit:g}" for service, limit in found.items() if limit < OPEN_FILES]
    expect(f"services that may open fewer than {OPEN_FILES} files", found=low, expected=[])


@check(
    "H33",
    section="3.10",
    source="nf_conntrack-sysctl",
    severity=Severity.WARNING,
    title_zh="连接跟踪表未接近上限",
    causes=[kernel.test_kernel_modules],
    fix="raise net.netfilter.nf_conntrack_max in /etc/sysctl.d; find what opens so many connections",
)
def test_connection_table_has_room(host: Host) -> None:
    """The connection tracking table is less than 80% full; once it is full, new connections are dropped."""
    counts = [number("nf_conntrack", line.strip()) for line in host.lines(CONNTRACK)]
    if len(counts) != 2 or not counts[1]:
        raise unparsable("nf_conntrack", " ".join(map(str, counts)))
    used = counts[0] / counts[1]
    expect_that(used < FULL, "tracked connections", found=f"{used:.0%} of {counts[1]}", expected="under 80%")
