"""The kernel log: lines that report a fault.

The patterns are those of node-problem-detector's kernel-monitor.json, and the words of the kernel's own sources (4.15
to 6.1, x86 and arm64) for crashes, lockups, and disks, network interfaces and buses that fail. Left out is what the
kernel corrected or warns of, and what a job did to itself: a trap in user space, the memory limit of its own cgroup.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from dlws.parse.text import lines, unparsable

REMEMBERED: Final = 8192  # messages, some 2 MiB: what several kinds of hosts log in a day
_VETH, _PORT = "veth[0-9a-z]{1,15}", "[0-9A-Za-z_.-]{1,15}"
COMINGS_AND_GOINGS: Final = (
    r" [^ ]+ kernel: (\[ *[0-9.]+\] )?("
    rf"{_PORT}: port [0-9]+\({_VETH}\) entered (blocking|disabled|forwarding|learning|listening) state"
    rf"|(device )?{_VETH}( \(unregistering\))?:? (entered|left) (allmulticast|promiscuous) mode"
    rf"|{_VETH}: renamed from {_PORT}|{_PORT}: renamed from {_VETH}"
    rf"|IPv6: ADDRCONF\(NETDEV_(CHANGE|UP)\): {_VETH}: link (becomes|is not) ready)$"
)
"""For `grep -E`: what the kernel logs of the network of each container that starts or ends (net/bridge/br_if.c and
br_stp.c, net/core/dev.c, net/ipv6/addrconf.c), whole lines of `journalctl -o short-iso`. No fault is among them."""
LONGEST: Final = 1024  # characters of a message that is remembered: the kernel writes none that is longer
_STAMP = re.compile(r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})[+-][0-9:]{4,5} \S+ \S+?:(?: (?P<text>.*))?")
"""A message may be empty; its leading blank is then at the end of the line and has been stripped."""
_FAULTS = {
    "out of memory": re.compile(  # in a cgroup it is a job's own limit
        r"^(?:\[ *[0-9.]{1,20}\] )?Out of memory(?: \([a-z_ ]{1,40}\))?(?:: Kill| and no killable processes)"
    ),
    "blocked task": re.compile(
        r":[0-9]{1,9} blocked (?:in I/O wait )?for more than [0-9]{1,9} seconds"
    ),  # a task's name may have blanks
    "kernel crash": re.compile(
        r"[Uu]nable to handle (?:kernel|page fault)|BUG: kernel NULL pointer"
        r"|Oops(?: -|:)|kernel BUG at |Kernel panic - not syncing"
        r"|(?:divide error|general protection fault|invalid opcode|stack segment|double fault): [0-9a-f]{4} \[#"
        r"|PANIC: double fault"
        r"|general protection fault, (?:probably|maybe) for |BUG: (?:Bad page|Bad rss|scheduling while atomic)"
        r"|BUG: (?:non-zero pgtables_bytes|(?:\S+ )?stack guard page was hit)"
        r"|stack-protector: Kernel stack is corrupted|list_(?:add|del) corruption|Internal error: "
        r"|kernel tried to execute NX-protected page"
        r"|SError Interrupt on CPU|Bad mode in Error handler"  # arm64
    ),
    "kernel lockup": re.compile(
        r"BUG: soft lockup|[Ww]atchdog detected hard LOCKUP|BUG: workqueue lockup|hung_task: blocked tasks"
        r"|rcu_\w{1,30} (?:self-detected stall|detected (?:expedited )?stalls|kthread starved)"
    ),
    "file system error": re.compile(
        r"EXT4-fs error|EXT4-fs \((?!loop|fd|sr)\S+\): (?:error count since last fsck: |Delayed block allocation failed"
        r"|I/O error while writing superblock|failed to convert unwritten extents"
        r"|warning: mounting fs with errors|Errors on filesystem, "
        r"|This should not happen!! +Data will be lost|previous I/O error to superblock)"
        r"|JBD2: (?:Detected IO errors|(?:Error -[0-9]{1,3} detected|I/O error) when updating journal superblock)"
        r"|EXT4-fs \((?!loop|fd|sr)\S+\): Remounting filesystem read-only|Aborting journal on"
        r"|FAT-fs \((?!loop|fd|sr)\S+\): (?:error, |Filesystem has been set read-only)"
        r"|XFS \(\S+\): (?:.*Corruption|[Mm]etadata (?:corruption|CRC error|I/O error)|Internal error"
        r"|Unmount and run xfs_repair|page discard on "
        r"|xfs_(?:do_)?force_shutdown|writeback error"
        r"|.*Shutting down filesystem|log I/O error|Filesystem has been shut down)"
        r"|BTRFS(?::)? (?:error|critical)|BTRFS.*forced readonly"
    ),
    "disk error": re.compile(
        r"(?:Buffer I/O error on dev(?:ice)?|I/O error, dev) (?!loop|fd|sr)|critical (?:medium|space allocation) error"
        r"|\[sd[a-z]{1,4}\].*Sense Key : (?:Medium|Hardware) Error"
        r"|ata[0-9.]{1,20}: (?:failed command: (?!PACKET)|COMRESET failed|disabled?(?: device)?$"
        r"|reset failed, giving up)"
        r"|nvme[0-9]{1,9}: (?:controller is down|.*timeout, (?:aborting|reset|disable)|Device not ready; aborting"
        r"|Removing after probe failure|Disabling device after reset failure|frozen state error detected)"
        r"|nvme\S+: I/O Cmd\(0x[0-9a-f]{1,16}\).*\(sct 0x2 /"  # of its medium; others are of commands that it lacks
        r"|megaraid_sas .*(?:OFFLINE and cannot be recovered|FW in FAULT state)"
        r"|megaraid_sas \S+: .*/(?:CRIT|FATAL|DEAD)\) - "  # an event of the controller: a volume that is DEGRADED
        r"|mpt[23]sas.*(?:fault_state|SAS host is non-operational)"
        r"|hpsa .*lockup detected|smartpqi .*controller (?:is )?offline|timing out command, waited [0-9]{1,9}s"
        r"|md/raid.*: (?:Disk failure on|.*unrecoverable I/O (?:read )?error"
        r"|read error (?:NOT corrected|not correctable)|not enough operational (?:devices|mirrors))"
        r"|device-mapper: multipath: (?:\S+ )?Failing path"
        r"|device-mapper: thin: \S+ switching pool to (?:out-of-data-space|fail|read-only)"
        r"|Device offlined - not ready|rejecting I/O to offline device"
    ),
    "network interface that hangs": re.compile(
        r"NETDEV WATCHDOG: .*transmit queue [0-9]{1,9} timed out|Detected (?:Hardware|Tx) Unit Hang"
        r"|(?i:\b(?:tx[ _]timeout|transmit timed out))|Adapter removed|PCIe link lost"
        r"|timeout\. Will cause a leak of a command resource"
    ),  # the first line is written once in a boot; then the driver's own words are all there is
    "table of the kernel that is full": re.compile(
        r"nf_conntrack: table full, dropping packet|[Nn]eighbou?r table overflow"
        r"|VFS: file-max limit [0-9]{1,19} reached|TCP: out of memory"
    ),
    "network namespace that is never freed": re.compile(r"unregister_netdevice: waiting for \S+ to become free"),
    "hardware error": re.compile(
        r"event severity: (?:fatal|recoverable|corrected, fatal)|Machine Check: .*(?i:fatal)"
        r"|Machine Check Exception|EDAC MC[0-9]{1,9}: [0-9]{1,9} UE "  # corrected: "Machine Check: ", "CE"
        r"|Uncorrected hardware memory error|Memory failure: 0x|Uncorrect(?:ed|able) \((?:Non-)?Fatal\)"
        r"|\[Hardware Error\]: (?:Uncorrected, |System Fatal error)"  # as an AMD processor's are told (mce_amd.c)
        r"|Synchronous External Abort: |Unhandled fault: synchronous (?:external abort|parity)"  # arm64
        r"|NMI: (?:PCI system|IOCK) error"
        r"|critical temperature reached|DPC: containment event"
        r"|mlx[45]_core .*(?:health compromised|Fatal error [0-9]|Health issue observed, .*severity\([0-3]\)"
        r"|Port module event\[error\])|mlx4_core \S+ Internal error detected"
    ),
}


def faults(text: str) -> tuple[str, ...]:
    """`journalctl -o short-iso`: each kind of fault with its latest line; empty for a clean log."""
    latest: dict[str, str] = {}
    for line in lines("journalctl", text):
        row = _STAMP.fullmatch(line)
        if row is None:
            if line.startswith(("-- ", " ")):  # "-- Logs begin at", "-- Boot 3f2a"; a message of several lines
                continue
            raise unparsable("journalctl", line)
        message = row["text"] or ""
        for kind in _remembered(message) if len(message) <= LONGEST else _kinds(message):
            latest[kind] = f"{kind}: {row['time']} {message[:100]}"
    return tuple(latest.values())


def _kinds(message: str) -> tuple[str, ...]:
    """The kinds of faults that a message reports."""
    return tuple(kind for kind, pattern in _FAULTS.items() if pattern.search(message))


_remembered = lru_cache(REMEMBERED)(_kinds)
"""A log repeats most of its messages, and hosts of a kind log alike."""
