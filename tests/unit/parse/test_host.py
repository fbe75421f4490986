"""What a host says of its kernel, processes, sensors and disks: Ubuntu 18.04 (systemd 237) to Debian 12."""

from __future__ import annotations

import pytest

from dlws.parse.host import ipmi, kernel_log, kernels, lscpu, modes, processes, timedate
from dlws.parse.storage import smart
from dlws.verdict import Unknown, Unparsable


def test_the_newest_kernel_is_found_by_number():
    found = kernels.parse("4.15.0-112-generic\nvmlinuz-4.15.0-20-generic\nvmlinuz-4.15.0-112-generic\n")
    assert (found.running, found.newest) == ("4.15.0-112-generic", "4.15.0-112-generic")


def test_backups_and_rescue_images_are_no_kernels():
    text = "5.4.0-150-generic\nvmlinuz-5.4.0-99-generic.old\nvmlinuz-0-rescue-3f2a\nvmlinux-5.4.0-150-generic\n"
    assert kernels.parse(text).installed == ("5.4.0-150-generic",)


def test_a_host_without_kernels_runs_its_newest():
    found = kernels.parse("6.18.44-fc-v509\n")
    assert found.newest == found.running


@pytest.mark.parametrize("text", ["", "Linux\n", "4.15.0-20-generic\nSystem.map-4.15.0\n"])
def test_half_a_list_of_kernels_is_unknown(text):
    with pytest.raises(Unparsable):
        kernels.parse(text)


def test_options_are_built_in_or_modules():
    assert kernels.options("# CONFIG_X is not set\nCONFIG_INET=y\nCONFIG_OVERLAY_FS=m\n") == {"INET", "OVERLAY_FS"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "CONFIG_HZ=250\n", "gzip: stdin: not in gzip format"])
def test_what_is_no_configuration_is_unknown(text):
    with pytest.raises(Unparsable):
        kernels.options(text)


def test_disabled_controllers_do_not_count():  # recorded on Linux 6.18; `cgroup_disable=memory` clears the last column
    text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t74\t1\nmemory\t0\t200\t0\nnet_cls\t0\t196\t1\n"
    assert kernels.controllers(text) == {"cpuset", "net_cls"}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Out of memory: Kill process 4711 (python) score 870 or sacrifice child", "out of memory"),  # 4.15
        ("INFO: task Compiler Thread:2024 blocked for more than 120 seconds.", "blocked task"),
        ("watchdog: BUG: soft lockup - CPU#11 stuck for 22s! [kworker/11:2:1234]", "kernel lockup"),
        ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 3", "kernel lockup"),
        ("rcu: INFO: rcu_sched self-detected stall on CPU", "kernel lockup"),
        ("INFO: rcu_sched detected stalls on CPUs/tasks: { 4 }", "kernel lockup"),
        ("BUG: unable to handle kernel NULL pointer dereference at 0000000000000010", "kernel crash"),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000010", "kernel crash"),  # 5.x
        ("Unable to handle kernel paging request at virtual address ffff8020", "kernel crash"),  # arm64
        ("Internal error: Oops: 96000004 [#1] SMP", "kernel crash"),
        ("divide error: 0000 [#1] SMP", "kernel crash"),
        ("general protection fault: 0000 [#1] SMP NOPTI", "kernel crash"),
        ("Kernel panic - not syncing: Fatal exception", "kernel crash"),
        ("XFS (sdb1): Log I/O Error Detected. Shutting down filesystem", "file system error"),
        ("BTRFS error (device sda1): bdev /dev/sda1 errs: wr 1, rd 0", "file system error"),
        ("Aborting journal on device sda1-8.", "file system error"),
        ("nvme nvme0: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff", "disk error"),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", "disk error"),
        ("ata1.00: failed command: READ FPDMA QUEUED", "disk error"),
        ("sd 0:0:0:0: [sda] tag#0 Sense Key : Medium Error [current]", "disk error"),
        ("md/raid1:md0: Disk failure on sdb1, disabling device.", "disk error"),
        ("NETDEV WATCHDOG: eth0 (i40e): transmit queue 3 timed out", "network interface that hangs"),
        ("pcieport 0000:00:03.0: AER: Uncorrected (Fatal) error received: id=0018", "hardware error"),
        ("pcieport 0000:00:03.0: PCIe Bus Error: severity=Uncorrectable (Non-Fatal), type=x", "hardware error"),
        ("{1}[Hardware Error]: event severity: recoverable", "hardware error"),
        ("mce: Uncorrected hardware memory error in user-access at 3f2a000", "hardware error"),
        ("Out of memory: Killed process 4711 (python) total-vm:1kB", "out of memory"),  # 5.x
        ("INFO: task umount.nfs:811 blocked for more than 120 seconds.", "blocked task"),
        ("EXT4-fs error (device sda2): ext4_lookup:1595: inode #2: comm ls: deleted inode", "file system error"),
        ("XFS (sdb1): Corruption detected. Unmount and run xfs_repair", "file system error"),
        ("Buffer I/O error on dev sdb, logical block 0, async page read", "disk error"),
        ("EXT4-fs (sda1): Remounting filesystem read-only", "file system error"),
        ("XFS (dm-0): Metadata corruption detected at xfs_agi_read_verify", "file system error"),
        ('XFS (dm-0): metadata I/O error in "xlog_iodone" at daddr 0x3c len 64 error 5', "file system error"),
        ("XFS (dm-0): xfs_do_force_shutdown(0x2) called from line 1200 of file x.c", "file system error"),
        ("print_req_error: I/O error, dev nvme0n1, sector 12", "disk error"),  # 4.15
        ("blk_update_request: I/O error, dev sda, sector 8 op 0x0:(READ) flags 0x0", "disk error"),  # 5.x
        ("unregister_netdevice: waiting for lo to become free. Usage count = 1", "network namespace"),
        ("{1}[Hardware Error]: event severity: fatal", "hardware error"),
        ("mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 5: be00000000800400", "hardware error"),
        ("EDAC MC0: 1 UE memory read error on CPU_SrcID#0_Channel#0_DIMM#0", "hardware error"),
        ("kernel tried to execute NX-protected page - exploit attempt? (uid: 0)", "kernel crash"),
        ("SError Interrupt on CPU3, code 0xbe000000 -- SError", "kernel crash"),  # arm64
        ("Bad mode in Error handler detected on CPU1, code 0xbf000000 -- SError", "kernel crash"),
        ("JBD2: Detected IO errors while flushing file data on dm-1-8", "file system error"),
        ("nvme0n1: I/O Cmd(0x2) @ LBA 100, 8 blocks, I/O Error (sct 0x2 / sc 0x81) MORE DNR", "disk error"),  # 6.x
        ("megaraid_sas 0000:3b:00.0: Adapter is OFFLINE and cannot be recovered", "disk error"),
        ("mpt3sas_cm0: fault_state(0x265d)!", "disk error"),
        ("scsi 0:0:0:0: timing out command, waited 180s", "disk error"),
        ("pcieport 0000:17:00.0: DPC: containment event, status:0x1f01 source:0x0000", "hardware error"),
        ("mlx5_core 0000:3b:00.0: device's health compromised - reached miss count", "hardware error"),
    ],
)
def test_faults_in_the_kernels_log(message, kind):
    [fault] = kernel_log.faults(f"2026-11-27T08:12:44+0800 atlas01 kernel: {message}\n")
    assert fault.startswith(kind)
    assert "2026-11-27T08:12:44" in fault


@pytest.mark.parametrize(
    "message",
    [
        "Memory cgroup out of memory: Killed process 4711 (python)",
        "Buffer I/O error on dev loop3, logical block 0",
        "print_req_error: I/O error, dev fd0, sector 0",
        "print_req_error: I/O error, dev loop3, sector 0",
        "blk_update_request: I/O error, dev sr0, sector 0 op 0x0:(READ) flags 0x0",
        "EXT4-fs (loop3): Remounting filesystem read-only",
        "EXT4-fs (sda1): re-mounted. Opts: errors=remount-ro",
        "mce: [Hardware Error]: Machine check events logged",
        "mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 5: cc00000000800400",  # corrected
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Channel#0_DIMM#0",
        "docker0: port 1(veth) entered forwarding state",
        "{1}[Hardware Error]: event severity: corrected",
        "traps: python[4711] general protection fault ip:7f2a sp:7ffd error:0 in libc.so",
        "traps: a.out[4711] trap divide error ip:55d0 sp:7ffd error:0",
        "EXT4-fs warning (device sda1): ext4_end_bio:323: I/O error 10 writing to inode 1",
        "pcieport 0000:00:03.0: AER: Corrected error received: 0000:00:03.0",
        "sr 0:0:0:0: [sr0] tag#0 Sense Key : Medium Error [current]",
        "ata3.00: failed command: PACKET",
        "nvme0: Admin Cmd(0x6), I/O Error (sct 0x0 / sc 0x2) DNR",
    ],
)
def test_what_is_no_fault_of_the_host(message):
    assert kernel_log.faults(f"2026-11-27T08:12:44+08:00 atlas01 kernel: {message}\n") == ()


def test_headings_of_journalctl_are_passed_over():
    assert kernel_log.faults("-- Logs begin at Mon 2026-11-23 08:00:00 CST. --\n-- No entries --\n") == ()


def test_a_blank_message_of_the_kernel_is_no_torn_line():
    assert kernel_log.faults("2026-11-27T08:12:44+0800 atlas01 kernel: \n2026-11-27T08:12:44+0800 a kernel:\n") == ()


def test_a_torn_line_of_the_log_is_unknown():
    with pytest.raises(Unparsable):
        kernel_log.faults("2026-11-27T08:1")


def test_states_of_processes():
    found = processes.parse("Ss 1 0 systemd\nD<l 4711 86 kworker/u8:2+flush\nZ 7 0 sh <defunct>\nD 9 -1\n")
    assert [(p.state, p.pid, p.switches, p.name) for p in found] == [
        ("S", 1, 0, "systemd"),
        ("D", 4711, 86, "kworker/u8:2+flush"),
        ("Z", 7, 0, "sh <defunct>"),
        ("D", 9, -1, ""),
    ]


@pytest.mark.parametrize("text", ["", "Ss\n", "systemd 1 Ss\n"])
def test_half_a_list_of_processes_is_unknown(text):
    with pytest.raises(Unparsable):
        processes.parse(text)


def test_limits_by_service():
    text = (
        "docker Max open files            1048576              1048576              files     \n"
        "kubelet Max open files            unlimited            unlimited            files     \n"
    )
    assert processes.open_files(text) == {"docker": 1048576, "kubelet": float("inf")}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("     Network time on: yes\nNTP synchronized: no\n", False),  # systemd 229
        ("       System clock synchronized: yes\nsystemd-timesyncd.service active: yes\n", True),  # 237
        ("System clock synchronized: yes\n              NTP service: n/a\n", True),  # 252
    ],
)
def test_the_clock_by_several_versions(text, verdict):
    assert timedate.synchronised(text) is verdict


def test_processors_of_several_versions():
    bionic = (
        "Architecture: aarch64\nCPU(s):              128\nSocket(s):           2\nNUMA node(s):        4\nModel:  0\n"
    )
    assert str(lscpu.parse(bionic)) == "128 CPUs, no model, sockets 2, NUMA nodes 4"
    bookworm = (
        "CPU(s):     96\n  On-line CPU(s) list: 0-95\nVendor ID: GenuineIntel\n  Model name:  Xeon\n    Socket(s): -\n"
    )
    assert lscpu.parse(bookworm) == lscpu.Processors(96, "Xeon", 0, 0)


OPEN = "Smartctl open device: /dev/sda"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SMART overall-health self-assessment test result: PASSED", "PASSED"),  # ATA and NVMe
        ("SMART overall-health self-assessment test result: FAILED!", "FAILED!"),
        ("SMART Health Status: OK", "OK"),  # SCSI
        ("SMART support is:     Unavailable - device lacks SMART capability.", ""),
        ("/dev/sda: Unable to detect device type\nPlease specify device type with the -d option.", ""),
        (f"{OPEN} failed: DELL or MegaRaid controller, please try adding '-d megaraid,N'", ""),
        (f"{OPEN} failed: AMCC/3ware controller, please try adding '-d 3ware,N',\nyou may need to replace", ""),
        ("/dev/sda: requires option '-d cciss,N'\nPlease specify device type with the -d option.", ""),
        ("/dev/sda: Unknown USB bridge [0x046b:0xff31 (0x100)]\nPlease specify device type", ""),  # a BMC's disk
        (f"{OPEN} failed: No medium found", ""),
    ],
)
def test_the_state_of_a_disk(said, state):
    assert smart.parse(f"== /dev/sda\nsmartctl 7.3\n\n{said}\n\n== rc 0\n") == {"/dev/sda": state}


def test_a_disk_that_does_not_tell_is_unknown_unless_another_fails():
    silent = (
        "== /dev/sda\nSMART overall-health self-assessment test result: UNKNOWN!\nAttributes cannot be read.\n== rc 8\n"
    )
    for beside in ("", "SMART overall-health self-assessment test result: PASSED", "SMART Health Status: OK"):
        with pytest.raises(Unparsable, match="smartctl -H /dev/sda"):
            smart.parse(f"{silent}== /dev/sdc\n{beside or 'SMART Disabled'}\n== rc 0\n")
    ill = silent + "== /dev/sdb\nSMART Health Status: FAILED\n== rc 8\n"
    assert smart.parse(ill) == {"/dev/sda": "", "/dev/sdb": "FAILED"}


def test_no_disk_and_no_smartctl_are_not_the_same():
    assert smart.parse("") == {}
    with pytest.raises(Unknown, match="smartmontools"):
        smart.parse("== /dev/sda\nsh: 1: smartctl: not found\n== rc 127\n")


def test_sensors_in_alarm():
    text = (
        "Temp             | 01h | ok  |  3.1 | 44 degrees C\n"
        "Fan2             | 31h | lcr |  7.1 | 120 RPM\n"
        "PS2 Status       | 63h | ok  | 10.2 | Presence detected, Failure detected\n"
        "PS Redundancy    | 77h | ok  |  7.1 | Fully Redundant\n"
        "CPU2 Temp        | 02h | ns  |  3.2 | No Reading\n"
    )
    assert ipmi.faults(text) == ("Fan2: 120 RPM", "PS2 Status: Presence detected, Failure detected")


@pytest.mark.parametrize(  # the words of IPMI 2.0, tables 42-2 and 42-3, as ipmitool prints them, with the status ok
    ("state", "is_fault"),
    [
        ("Drive Present", False),
        ("Drive Present, Drive Fault", True),
        ("Correctable ECC", False),
        ("Presence detected, Uncorrectable ECC", True),
        ("Presence detected, IERR", True),
        ("Presence detected, Thermal Trip", True),
        ("Transition to OK", False),
        ("Transition to Non-critical from OK", False),
        ("Transition to Non-critical from more severe", False),
        ("Transition to Critical from less severe", True),
        ("Transition to Critical from Non-recoverable", True),
        ("Transition to Non-recoverable", True),
    ],
)
def test_a_discrete_sensor_says_it_in_words(state, is_fault):
    assert ipmi.faults(f"DISK1            | 46h | ok  |  4.86 | {state}\n") == ((f"DISK1: {state}",) * is_fault)


@pytest.mark.parametrize("text", ["", "Unable to open device", "Fan | 31h | lcr"])
def test_no_sensor_is_unknown(text):
    with pytest.raises(Unparsable):
        ipmi.faults(text)


def test_modes_of_files():
    [entry] = modes.parse("4640 root:shadow f /etc/a file\n")
    assert (entry.path, entry.mode, entry.owner, entry.kind) == ("/etc/a file", 0o4640, "root:shadow", "f")
    assert entry.allows_more_than(0o640)
    assert not entry.allows_more_than(0o4640)


@pytest.mark.parametrize(
    "state",
    [
        "Failed",
        "Presence detected, Failure detected",
        "Presence detected, Configuration Error",
        "Configuration Error - Incorrect cable connected",
        "Presence detected, Config Error: Vendor Mismatch",
        "Drive Present, In Failed Array",
        "Non-Redundant: Insufficient Resources",
        "Redundancy Degraded",
        "PCI SERR",
        "Bus Uncorrectable error",
        "Memory Device Disabled",
        "Power Supply AC lost or out-of-range",
        "FRB2/Hang in POST failure",
        "Uncorrectable machine check exception",
        "Transition to Critical from less severe",
        "Unrecoverable hard-disk controller failure",
        "Upper Critical going high",
        "Upper Non-recoverable going high",
        "Upper Non-critical going high, Lower Critical going low",
        "Lower Non-recoverable going low",
    ],
)
def test_a_discrete_sensor_that_says_fault_is_in_alarm(state):  # ipmitool prints `ok` beside it
    assert ipmi.faults(f"PS1 Status       | 62h | ok  | 10.1 | {state}\n") == (f"PS1 Status: {state}",)


@pytest.mark.parametrize(
    "state",
    [
        "Presence detected",
        "Drive Present, Rebuild In Progress",
        "Fully Redundant",
        "State Asserted",
        "Predictive Failure Deasserted",
        "Transition to OK",
        "Hard reset",
        "Disabled",
        "Correctable ECC",
        "41 degrees C",
        "Upper Critical going low",
        "Lower Non-critical going low",
    ],
)
def test_a_discrete_sensor_that_says_another_state_is_not(state):
    assert ipmi.faults(f"PS1 Status       | 62h | ok  | 10.1 | {state}\n") == ()


def test_a_sensor_that_could_not_be_read_hides_no_other():
    message = "Get SDR 0045 command failed: Invalid data field in request\n"
    fan = "FAN1             | 41h | lnr | 29.1 | 0 RPM\n"
    assert ipmi.faults(message + fan) == ("FAN1: 0 RPM",)
    with pytest.raises(Unparsable):
        ipmi.faults(message)
