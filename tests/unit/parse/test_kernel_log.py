"""Every wording of the kernel that is a fault of the host, and its neighbours that are none (Linux 4.15 to 6.1)."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from dlws.parse.host import kernel_log
from dlws.verdict import Unparsable

FAULTS = {
    "blocked task": [
        "INFO: task umount.nfs:811 blocked for more than 120 seconds.",
        "INFO: task kworker/0:1:22 blocked in I/O wait for more than 120 seconds.",
    ],
    "network interface that hangs": [
        "NETDEV WATCHDOG: eth0 (i40e): transmit queue 3 timed out",
        "NETDEV WATCHDOG: CPU: 10: transmit queue 0 timed out 5388 ms",
        "e1000e 0000:00:1f.6 eno1: Detected Hardware Unit Hang:",
        "ixgbe 0000:04:00.0 eth0: Detected Tx Unit Hang",
        "ixgbe 0000:04:00.0 eth0: initiating reset due to tx timeout",
        "bnxt_en 0000:af:00.0 enp1: TX timeout detected, starting reset task!",
        "i40e 0000:3b:00.0 eth2: tx_timeout: VSI_seid: 390, Q 3, NTC: 0x1, HWB: 0x2, NTU: 0x3",
        "hns3 0000:7d:00.0 eth0: tx_timeout count: 1, queue id: 0",
        "tg3 0000:02:00.0 eth0: transmit timed out, resetting",
        "ixgbe 0000:04:00.0: Adapter removed",
        "igb 0000:02:00.0 enp2s0: PCIe link lost",
        "mlx5_core 0000:3b:00.0: wait_func:1008:(pid 2): QUERY_VPORT_COUNTER(0x770) timeout."
        " Will cause a leak of a command resource",
    ],
    "table of the kernel that is full": [
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "neighbour: arp_cache: neighbor table overflow!",
        "ipv4: Neighbour table overflow.",
        "VFS: file-max limit 65536 reached",
        "TCP: out of memory -- consider tuning tcp_mem",
    ],
    "network namespace that is never freed": ["unregister_netdevice: waiting for lo to become free. Usage count = 1"],
    "out of memory": [
        "[ 12.345678] Out of memory: Killed process 4711 (python)",
        "Out of memory (oom_kill_allocating_task): Killed process 4711 (python)",
        "Out of memory and no killable processes...",
    ],
    "kernel crash": [
        "BUG: unable to handle page fault for address: ffffc90000000000",
        "Oops: 0002 [#1] SMP PTI",
        "Oops - BUG: 0 [#1] PREEMPT SMP",
        "kernel BUG at mm/slub.c:305!",
        "invalid opcode: 0000 [#1] SMP NOPTI",
        "stack segment: 0000 [#1] SMP",
        "double fault: 0000 [#1] SMP",
        "traps: PANIC: double fault, error_code: 0x0",
        "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
        "general protection fault, maybe for address 0x8: 0000 [#1] SMP",
        "BUG: Bad page state in process python  pfn:3f2a0",
        "BUG: Bad rss-counter state mm:00000000 idx:1 val:2",
        "BUG: non-zero pgtables_bytes on freeing mm: 4096",
        "BUG: scheduling while atomic: swapper/0/0/0x00000100",
        "BUG: stack guard page was hit at 000000000",
        "BUG: TASK stack guard page was hit at 000000000",
        "BUG: #DF stack guard page was hit at 000000000",
        "Internal error: synchronous external abort: 96000210 [#1] SMP",
        "stack-protector: Kernel stack is corrupted in: ffffffff81000000",
        "list_del corruption. prev->next should be ffff9d2a, but was dead000000000122",
        "list_add corruption. next->prev should be prev (ffff9d2a), but was 0. (next=ffff9d2b).",
    ],
    "kernel lockup": [
        "BUG: workqueue lockup - pool cpus=3 node=0 flags=0x0 nice=0 stuck for 60s!",
        "hung_task: blocked tasks",
        "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 3-... }",
        "rcu: rcu_sched kthread starved for 5250 jiffies! g1 f0x0",
    ],
    "file system error": [
        "EXT4-fs (sda2): error count since last fsck: 12",
        "EXT4-fs (sda2): Delayed block allocation failed for inode 12 at logical offset 0 with error 5",
        "EXT4-fs (sda2): This should not happen!! Data will be lost",
        "EXT4-fs (sda2): previous I/O error to superblock detected",
        "EXT4-fs (sda2): I/O error while writing superblock",
        "EXT4-fs (sdb1): failed to convert unwritten extents to written extents -- potential data loss!",
        "JBD2: Error -5 detected when updating journal superblock for sda2-8.",
        "JBD2: I/O error when updating journal superblock for sda2-8.",
        "XFS (md0): xfs_force_shutdown(0x2) called from line 1197 of file fs/xfs/xfs_log.c.",
        "XFS (sdb1): writeback error on inode 133, offset 0, sector 1234",
        "XFS (dm-0): log I/O error -5",
        "XFS (dm-0): Filesystem has been shut down due to log error (0x2).",
        "XFS (sda1): Internal error xfs_trans_cancel at line 957 of file fs/xfs/xfs_trans.c",
        "XFS (sda1): metadata corruption detected at xfs_agf_read_verify",
        "XFS (sda1): Metadata I/O error in xfs_buf_iodone at daddr 0x1",
        "BTRFS critical (device sda1): corrupt leaf",
        "EXT4-fs (sda2): warning: mounting fs with errors, running e2fsck is recommended",
        "EXT4-fs (dm-0): Errors on filesystem, clearing orphan list.",
        "FAT-fs (sda1): error, fat_free_clusters: deleting FAT entry beyond EOF",
        "FAT-fs (nvme0n1p1): Filesystem has been set read-only",
        "XFS (sdb): Metadata CRC error detected at xfs_agi_read_verify+0xde/0x100 [xfs], xfs_agi block 0x2",
        "XFS (sdb): Unmount and run xfs_repair",
        "XFS (sda3): page discard on page 000000007d4d1a5a, inode 0x80, offset 0.",
        "BTRFS: error (device sda1) in btrfs_commit_transaction:2247: errno=-5 IO failure",
        "BTRFS info (device sda1): forced readonly",
    ],
    "disk error": [
        "Buffer I/O error on device sdb, logical block 0",
        "blk_update_request: critical medium error, dev sda, sector 8",
        "sd 0:0:0:0: [sda] Sense Key : Hardware Error [current]",
        "sd 0:0:0:0: [sdaa] Sense Key : Medium Error [current]",
        "ata1: COMRESET failed (errno=-16)",
        "ata3.00: disabled",
        "ata3.00: disable device",
        "smartpqi 0000:5c:00.0: controller is offline: status code 0x6100c",
        "smartpqi 0000:5c:00.0: controller offline",
        "md/raid1:md0: sda: unrecoverable I/O read error for block 1234",
        "md/raid1:md0: sda: unrecoverable I/O error for block 1234",
        "md/raid:md5: read error NOT corrected!! (sector 123 on sdb1).",
        "device-mapper: multipath: 253:2: Failing path 8:16.",
        "device-mapper: multipath: Failing path 8:16.",  # Linux 4.15
        "ata5: reset failed, giving up",
        "md/raid:md0: read error not correctable (sector 123 on sdb).",
        "md/raid:md0: not enough operational devices (3/5 failed)",
        "md/raid10:md0: not enough operational mirrors.",
        "nvme nvme0: frozen state error detected, reset controller",
        "device-mapper: thin: 253:4: switching pool to out-of-data-space (queue IO) mode",
        "device-mapper: thin: 253:4: switching pool to read-only mode",
        "device-mapper: thin: 253:4: switching pool to fail mode",
        "nvme nvme0: I/O 12 QID 3 timeout, reset controller",
        "nvme nvme0: I/O 12 QID 0 timeout, disable controller",
        "nvme nvme0: Device not ready; aborting reset, CSTS=0x1",
        "nvme nvme0: Removing after probe failure status: -19",
        "nvme nvme0: Disabling device after reset failure: -19",
        "megaraid_sas 0000:3b:00.0: FW in FAULT state Fault code:0x10000",
        "megaraid_sas 0000:5e:00.0: 3274 (688110823s/0x0001/CRIT) - VD 00/0 is now DEGRADED",
        "megaraid_sas 0000:03:00.0: 10286 (631006687s/0x0001/FATAL) - VD 06/4 is now OFFLINE",
        "megaraid_sas 0000:03:00.0: 10287 (631006687s/0x0020/DEAD) - Fatal firmware error",
        "megaraid_sas 0000:08:00.0: 9253 (4s/0x0020/FATAL) - Controller cache discarded due to memory/battery problems",
        "mpt2sas_cm0: fault_state(0x0d03)!",
        "mpt3sas_cm0: SAS host is non-operational !!!!",
        "critical space allocation error, dev dm-5, sector 1000 op 0x1:(WRITE) flags 0x0",
        "hpsa 0000:05:00.0: controller lockup detected: 0x15 after 30 seconds",
        "sd 0:0:0:0: Device offlined - not ready after error recovery",
        "sd 0:0:0:0: rejecting I/O to offline device",
    ],
    "hardware error": [
        "{1}[Hardware Error]: event severity: corrected, fatal",
        "mce: [Hardware Error]: Machine Check: Processor context corrupt, Fatal",
        "Memory failure: 0x3f2a0: recovery action for dirty LRU page: Recovered",
        "thermal thermal_zone0: critical temperature reached (105 C), shutting down",
        "mlx4_core 0000:3b:00.0: Fatal error 4",
        "mlx4_core 0000:03:00.0: Internal error detected:",
        "mlx5_core 0000:49:00.0: print_health_info:432: Health issue observed, High temperature, severity(2) CRITICAL:",
        "mlx5_core 0000:49:00.0: print_health_info: Health issue observed, firmware internal error, severity(3) ERROR",
        "mlx5_core 0000:5c:00.0: Port module event[error]: module 0, Cable error, High Temperature",
        "[Hardware Error]: Uncorrected, software restartable error.",
        "[Hardware Error]: Uncorrected, software containable error.",
        "[Hardware Error]: System Fatal error.",
        "Synchronous External Abort: synchronous external abort (0x92000410) at 0x0000ffff8a5d0000",
        "Unhandled fault: synchronous external abort (0x92000410) at 0x0000ffff8a5d0000",
        "Unhandled fault: synchronous parity or ECC error (0x92000418) at 0x0000ffff8a5d0000",
        "NMI: PCI system error (SERR) for reason b1 on CPU 0.",
        "NMI: IOCK error (debug interrupt?) for reason 71 on CPU 0.",
    ],
}
NONE = [
    "python: Out of memory: Kill a process or wait",
    "EXT4-fs (fd0): Remounting filesystem read-only",
    "EXT4-fs (sr0): Remounting filesystem read-only",
    "EXT4-fs (loop7): error count since last fsck: 1",
    "EXT4-fs (fd0): previous I/O error to superblock detected",
    "EXT4-fs (sr0): previous I/O error to superblock detected",
    "gpu 0000:3b:00.0: channel 7: ctx timeout",  # of a context, not of a queue that sends
    "EXT4-fs (sda2): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
    "EXT4-fs (loop7): Delayed block allocation failed for inode 12",
    "ata1.00: disabled queueing",
    "device-mapper: thin: 253:4: switching pool to write mode",
    "XFS (dm-0): User initiated shutdown received.",
    "EXT4-fs (loop7): warning: mounting fs with errors, running e2fsck is recommended",
    *(f"FAT-fs ({of}0): error, fat_get_cluster: invalid cluster chain (i_pos 0)" for of in ("fd", "loop", "sr")),
    "FAT-fs (sda1): Volume was not properly unmounted. Some data may be corrupt. Please run fsck.",
    "device-mapper: multipath: 253:1: Reinstating path 8:16.",
    "Buffer I/O error on dev fd0, logical block 0",
    "Buffer I/O error on dev sr0, logical block 0",
    "BTRFS info (device sda1): disk space caching is enabled",
    "nvme nvme0: I/O 12 QID 3 timeout, completion polled",
    "megaraid_sas 0000:5e:00.0: 3274 (688110823s/0x0001/WARN) - Patrol Read can't be started",
    "EXT4-fs (loop7): I/O error while writing superblock",
    "critical target error, dev sdb, sector 6160 op 0x3:(DISCARD) flags 0x0",  # a command that the disk lacks
    "mlx5_core 0000:49:00.0: print_health_info:432: Health issue observed, unrecognized error, severity(6) INFO:",
    "mlx5_core 0000:5c:00.0: Port module event: module 0, Cable unplugged",
    "[Hardware Error]: Corrected error, no action required.",
    "[Hardware Error]: Deferred error, no action required.",
    "INFO: NMI handler (perf_event_nmi_handler) took too long to run: 12.3 msecs",
]


def logged(message: str, second: int = 44) -> str:
    return f"2026-11-27T08:12:{second}+0800 atlas01 kernel: {message}\n"


@pytest.mark.parametrize(("kind", "message"), [(kind, message) for kind, rows in FAULTS.items() for message in rows])
def test_a_wording_of_the_kernel_is_a_fault_of_its_kind(kind: str, message: str) -> None:
    assert [fault.partition(":")[0] for fault in kernel_log.faults(logged(message))] == [kind]


@pytest.mark.parametrize("message", NONE)
def test_a_wording_close_to_a_fault_is_none(message: str) -> None:
    assert kernel_log.faults(logged(message)) == ()


def test_the_latest_fault_of_a_kind_is_quoted_in_part() -> None:
    text = logged("Oops: 0001 [#1]") + logged("Oops: 0002 [#1] " + "x" * 200, 45) + logged("Kernel is tainted", 46)
    (fault,) = kernel_log.faults(text)
    assert fault == f"kernel crash: 2026-11-27T08:12:45 Oops: 0002 [#1] {'x' * 84}"


def test_a_message_may_go_on_over_several_lines() -> None:
    assert kernel_log.faults(logged("one") + "        two\n-- Boot 3f2a --\n") == ()
    for odd in ("two\n", "2026-11-27T08:12:44+0800 atlas01 kernel:x\n", "2026-11-27T08:12:44 atlas01 kernel: x\n"):
        with pytest.raises(Unparsable):
            kernel_log.faults(logged("one") + odd)


def test_a_message_is_judged_once_however_often_hosts_log_it(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    counting = SimpleNamespace(search=judged.append)
    monkeypatch.setattr(kernel_log, "_FAULTS", {"counted": counting})
    log = "".join(logged(f"counted here alone: {n % 3}") for n in range(300))
    assert [kernel_log.faults(log) for _host in range(100)] == [()] * 100
    assert judged == [f"counted here alone: {n}" for n in range(3)]


@pytest.mark.parametrize(("length", "kept"), [(1024, 1), (1025, 0), (5000, 0)])
def test_what_no_kernel_writes_is_judged_but_not_kept(length: int, kept: int) -> None:
    before = kernel_log._remembered.cache_info().currsize
    assert kernel_log.faults(logged("Oops: 0003 [#1] ".ljust(length, "x")))
    assert kernel_log._remembered.cache_info().currsize == before + kept


def test_kinds_are_named_in_the_order_in_which_they_began() -> None:
    oops, watchdog = "Oops: 0001 [#1]", "NETDEV WATCHDOG: eth0 (i40e): transmit queue 3 timed out"
    told = kernel_log.faults(logged(oops) + logged(watchdog, 45) + logged(oops, 46))
    assert [fault.partition(" ")[0] for fault in told] == ["kernel", "network"]
    assert told[0].startswith("kernel crash: 2026-11-27T08:12:46 ")


COMINGS_AND_GOINGS = (
    "docker0: port 1(veth3b1f00d) entered blocking state",
    "cni0: port 12(veth5a) entered forwarding state",
    "weave: port 2(vethwepl1f2e3d4) entered disabled state",
    "device veth3b1f00d entered promiscuous mode",
    "device veth3b1f00d left promiscuous mode",
    "veth3b1f00d: entered allmulticast mode",
    "veth3b1f00d (unregistering): left allmulticast mode",
    "[1234567.890123] eth0: renamed from veth940637f",
    "veth016fc29: renamed from eth0",
    "IPv6: ADDRCONF(NETDEV_UP): veth3b1f00d: link is not ready",
    "IPv6: ADDRCONF(NETDEV_CHANGE): veth3b1f00d: link becomes ready",
)
OTHERS = (
    "bond0: port 1(eno1) entered disabled state",
    "IPv6: ADDRCONF(NETDEV_UP): eno1: link is not ready",
    "device eno1 entered promiscuous mode",
    "veth016fc29: renamed from eth0 Oops: 0002 [#1] SMP PTI",
    "Oops: 0002 [#1] SMP PTI veth016fc29: renamed from eth0",
)


def left(message: str) -> str:
    """What the host answers of a log with one message."""
    command = ["grep", "-avE", kernel_log.COMINGS_AND_GOINGS]
    return subprocess.run(command, input=logged(message), capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("message", COMINGS_AND_GOINGS)
def test_the_networks_of_pods_that_come_and_go_are_left_out_on_the_host(message: str) -> None:
    assert left(message) == ""


@pytest.mark.parametrize("message", [*OTHERS, *(message for kind in FAULTS.values() for message in kind)])
def test_whatever_else_the_kernel_says_is_asked_for(message: str) -> None:
    assert left(message) == logged(message)
