"""df, SecureBoot, boot identity, modules, sysctl files."""

from __future__ import annotations

import pytest

from dlws.parse.host import boot, lspci, modules, secure_boot, sysctl_conf
from dlws.parse.storage import df, mdstat
from dlws.verdict import Unparsable

# Recorded: coreutils 9.1, LC_ALL=C and zh_CN.UTF-8; the third transcribed from coreutils 8.28 zh_CN.
ROWS = """\
/dev/vda       270553174016 24514314240 84429979648      23% /
//nas/my share  25276510208           0 25276510208       0% /mnt/my share
"""
HEADERS = [
    "Filesystem         1-blocks        Used   Available Capacity Mounted on\n",
    "文件系统              1的块        已用        可用 容量 挂载点\n",
    "文件系统              1-块        已用        可用 容量 挂载点\n",
]


@pytest.mark.parametrize("header", HEADERS)
def test_df_is_in_bytes_in_any_language(header):
    root, share = df.parse(header + ROWS)
    assert root == df.FileSystem("/dev/vda", 270553174016, 24514314240, 84429979648, "/")
    assert (share.source, share.mountpoint) == ("//nas/my share", "/mnt/my share")


@pytest.mark.parametrize("text", ["", HEADERS[0], ROWS, HEADERS[0] + ROWS[:40], HEADERS[0].replace("1-", "1K-") + ROWS])
def test_df_without_header_or_rows_or_in_other_units_is_unknown(text):
    with pytest.raises(Unparsable):
        df.parse(text)


@pytest.mark.parametrize(("text", "is_on"), [("   6   0   0   0   1\n", True), ("   6   0   0   0   0\n", False)])
def test_the_firmware_tells_secure_boot(text, is_on):
    assert secure_boot.is_on(text) is is_on


@pytest.mark.parametrize("text", ["", "6 0 0 0", "6 0 0 0 2", "6 0 0 0 1 1", "od: SecureBoot-8be4: Permission denied"])
def test_a_variable_of_another_form_is_unknown(text):
    with pytest.raises(Unparsable):
        secure_boot.is_on(text)


# Recorded: Linux 6.18; a command name with parentheses; the boot id of one boot.
STAT = (
    "1 (process_api) S 0 0 0 0 -1 4194560 34454 327498 0 142 28 194 492 362 20 0 13 0 24 45187072 3576 "
    "18446744073709551615 1 1 0 0 0 0 0 4096 1256 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
ODD_STAT = (
    "960 (a) b (c) R 901 901 2938 0 -1 4194304 2896 6566 2 0 1 1 2 1 20 0 1 0 127424 17162240 3423 "
    "18446744073709551615 94435999227904 94435999228245 140732308076176 0 0 0 0 16781312 2 0 0 0 17 1 0 0 0 0 0 "
    "94435999239600 94435999240216 94436265119744 140732308084674 140732308084818 140732308084818 140732308086735 0\n"
)
BOOT_ID = "09be6d31-69bb-49fe-b7a2-7c05814d5868\n"


@pytest.mark.parametrize(("stat", "ticks"), [(STAT, 24), (ODD_STAT, 127424)])
def test_the_start_time_is_field_22_whatever_the_name(stat, ticks):
    assert boot.starttime(stat) == ticks


def test_a_restarted_container_is_another_boot():
    assert boot.parse(BOOT_ID, STAT) != boot.parse(BOOT_ID, STAT.replace(" 24 45187072", " 9924 45187072"))
    assert boot.parse(BOOT_ID, STAT) == boot.parse(BOOT_ID, STAT)


@pytest.mark.parametrize(("boot_id", "stat"), [("", STAT), (BOOT_ID[:20], STAT), (BOOT_ID, ""), (BOOT_ID, STAT[:90])])
def test_half_a_boot_identity_is_unknown(boot_id, stat):
    with pytest.raises(Unparsable):
        boot.parse(boot_id, stat)


# Transcribed: Linux 4.15 with the NVIDIA driver 440.
MODULES = """\
nvidia_uvm 929792 0 - Live 0xffffffffc1a2b000 (OE)
nvidia 20008960 2 nvidia_uvm,nvidia_modeset, Live 0xffffffffc0400000 (POE)
br_netfilter 24576 0 - Live 0xffffffffc0234000
overlay 77824 0 - Loading 0x0000000000000000
"""


def test_live_modules_are_loaded():
    assert modules.loaded(MODULES) == {"nvidia_uvm", "nvidia", "br_netfilter"}


def test_a_module_that_comes_or_goes_hides_no_other():
    coming = (
        "nvidia_peermem 16384 0 - Loading 0xffffffffc0a10000 (OE+)\nxfs 1290240 0 - Unloading 0x0000000000000000 (E-)\n"
    )
    assert modules.loaded(MODULES + coming) == modules.loaded(MODULES)


@pytest.mark.parametrize("text", [MODULES[:30], "Module                  Size  Used by\n"])
def test_half_of_proc_modules_is_unknown(text):
    with pytest.raises(Unparsable):
        modules.loaded(text)


@pytest.mark.parametrize(
    ("line", "is_kept_out"),
    [
        ("install overlay /bin/false", True),
        ("install overlay /usr/bin/true", True),
        ("install overlay /sbin/nologin", True),
        ("install overlay \\\n  /bin/false --", True),
        ("install overlay exit 1", True),
        ("install overlay exit 0; /sbin/modprobe -i overlay", True),
        ("install overlay /bin/true || /sbin/modprobe -i overlay", True),
        ("install overlay /bin/false && /sbin/modprobe -i overlay", True),
        ("install overlay /bin/false && true || exit 1; modprobe -i overlay", True),
        ("install overlay /bin/echo 'overlay; is off' > /dev/kmsg; /bin/false", True),
        ("install overlay logger -t modprobe overlay blocked", True),
        ("install overlay echo 'no", True),
        ("install overlay || modprobe -i overlay", False),
        ("install overlay /bin/false || /sbin/modprobe -i overlay", False),
        ("install overlay /bin/false; /sbin/modprobe --ignore-install overlay", False),
        ("install overlay /bin/true && modprobe -i overlay && /bin/true", False),
        ("install overlay /bin/false || /bin/true && modprobe -i overlay", False),
        ("install overlay echo x | /opt/site/load", False),
        ("install overlay true & modprobe -i overlay", False),
        ("install overlay :", True),
        ('install overlay "/bin/false"', True),
        ("install overlay /bin/false;", True),
        ("install overlay /usr/bin/logger.site overlay", False),
        ("  blacklist overlay", True),
        ("install overlay /sbin/modprobe --ignore-install overlay && /bin/true", False),
        ("install overlay /opt/false", False),
        ("install overlay exec /bin/false", True),
        ("install overlay exec /bin/false || /sbin/modprobe -i overlay", True),  # the shell is gone by then
        ("install overlay true && exec true; modprobe -i overlay", True),
        ("install overlay command true", True),
        ("install overlay command false || modprobe -i overlay", False),
        ("install overlay exec /sbin/modprobe -i overlay", False),
        ("install overlay exec true | modprobe -i overlay", False),
        ("install overlay exec true & modprobe -i overlay", False),
        ("install overlay exec", False),
        ("install overlay exec; modprobe -i overlay", False),
        ("install overlay exitlog /sbin/modprobe --ignore-install overlay", False),
        ("blacklist overlay.ko", False),
        ("install overlay", False),
        ("alias fs-overlay off", False),
        ("softdep overlay pre: libcrc32c", False),
        ("# install overlay /bin/false", False),
    ],
)
def test_a_module_is_kept_out_by_a_command_that_loads_nothing(line: str, is_kept_out: bool) -> None:
    assert [*modules.kept_out(f"blacklist evbug\n{line}\n")] == ["evbug", *(["overlay"] if is_kept_out else [])]


@pytest.mark.parametrize("command", ["true", ":", "echo x", "printf x", "logger x"])
def test_what_succeeds_in_a_modules_place_runs_nothing_behind_an_or(command: str) -> None:
    assert modules.kept_out(f"install overlay {command} || modprobe -i overlay\n")
    assert not modules.kept_out(f"install overlay {command} && modprobe -i overlay\n")


@pytest.mark.parametrize("command", ["false", "nologin"])
def test_what_fails_in_a_modules_place_runs_nothing_behind_an_and(command: str) -> None:
    assert modules.kept_out(f"install overlay {command} && modprobe -i overlay\n")
    assert not modules.kept_out(f"install overlay {command} || modprobe -i overlay\n")


def test_the_first_command_in_a_modules_place_is_run() -> None:
    both = "install overlay /sbin/modprobe -i overlay\ninstall overlay /bin/false\n"
    assert modules.kept_out(both) == {}
    assert modules.kept_out(f"{both}blacklist overlay\n") == {"overlay": "blacklist overlay"}
    assert modules.kept_out("install overlay\ninstall overlay /bin/false\n") == {
        "overlay": "install overlay /bin/false"
    }


def test_a_module_that_is_kept_out_is_spelt_as_the_kernel_does() -> None:
    assert modules.kept_out("blacklist br-netfilter\n") == {"br_netfilter": "blacklist br-netfilter"}


def test_modules_at_boot_are_spelt_as_the_kernel_does():
    assert modules.at_boot("# for kubeadm\nbr_netfilter\n;x\n#overlay\nnf-conntrack\n") == {
        "br_netfilter",
        "nf_conntrack",
    }


@pytest.mark.parametrize("line", ["br_netfilter overlay", "overlay # for pods", "bonding mode=4 miimon=100"])
def test_a_name_with_more_behind_it_loads_nothing(line):
    assert modules.at_boot(f"{line}\nnf_conntrack\n") == {"nf_conntrack"}


@pytest.mark.parametrize("text", ["[section]\n", "[a section]\n", "br_netfilter.ko\n", "br_netfilter.ko x\n"])
def test_what_is_not_a_module_name_is_unknown(text):
    with pytest.raises(Unparsable):
        modules.at_boot(text)


def test_the_last_sysctl_setting_wins_in_either_spelling():
    text = "# k8s = 1\nnet.ipv4.ip_forward=0\n-net/ipv4/ip_forward = 1\n;x = 1\nnet.ipv4.conf.eth0/1.rp_filter = 2\n"
    text += "-net.ipv4.conf.lo.rp_filter\n-\nEOF\nvm.max_map_count 262144\nnet.ipv4.ip_forward\n"
    assert sysctl_conf.parse(text) == {"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0/1.rp_filter": "2"}


@pytest.mark.parametrize("text", ["= 1\n", "net ipv4 = 1\n", "net.ipv4.ip_forward=1\0"])
def test_half_a_sysctl_setting_is_unknown(text):
    with pytest.raises(Unparsable):
        sysctl_conf.parse(text)


# Transcribed: pciutils 3.5.2; the third row recorded on a machine without pci.ids (class changed).
NVIDIA = """\
0000:1a:00.0 3D controller [0302]: NVIDIA Corporation GV100GL [Tesla V100 SXM2 32GB] [10de:1db5] (rev a1)
0000:1b:00.0 VGA compatible controller [0300]: NVIDIA Corporation TU102 [GeForce RTX 2080 Ti] [10de:1e04] (rev a1)
0000:1c:00.0 Class [0302]: Device [10de:0d57]
0000:1b:00.1 Audio device [0403]: NVIDIA Corporation TU102 High Definition Audio Controller [10de:10f7] (rev a1)
0000:1b:00.2 USB controller [0c03]: NVIDIA Corporation TU102 USB 3.1 Host Controller [10de:1ad6] (rev a1) (prog-if 30)
"""
ASCEND = """\
0000:c1:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. Device [19e5:d802] (rev 20)
0000:c2:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. Device [19e5:d803] (rev 20)
"""


def test_an_accelerator_of_huawei_has_its_generations_id():
    assert [function.device for function in lspci.functions(ASCEND)] == ["d802", "d803"]


def test_a_cards_sound_and_usb_functions_are_not_cards():
    assert [card.address for card in lspci.display_cards(NVIDIA)] == ["0000:1a:00.0", "0000:1b:00.0", "0000:1c:00.0"]


def test_a_function_has_class_and_ids():
    assert lspci.functions(NVIDIA)[0] == lspci.Function("0000:1a:00.0", "0302", "10de", "1db5")


def test_no_card():
    assert lspci.display_cards("") == ()


@pytest.mark.parametrize("text", [NVIDIA[:60], "1a:00.0 3D controller [0302]: x [10de:1db5]", "pcilib: Cannot open"])
def test_half_an_lspci_row_is_unknown(text):
    with pytest.raises(Unparsable):
        lspci.display_cards(text)


# Linux 4.15: one array that lacks a disk, one that is not started, one without redundancy.
MDSTAT = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0]
md0 : active raid1 sda1[0](F) sdb1[1]
      1048512 blocks super 1.2 [2/1] [_U]
      bitmap: 1/1 pages [4KB], 65536KB chunk

md1 : inactive sdc1[0](S)
      1046528 blocks super 1.2

md2 : active (auto-read-only) raid5 sdd1[2] sde1[1] sdf1[0]
      2093056 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      [=====>...............]  resync = 25.9% (271104/1046528) finish=0.2min speed=45184K/sec

md3 : active raid0 sdg1[0] sdh1[1]
      2093056 blocks super 1.2 512k chunks

unused devices: <none>
"""


def test_arrays_are_whole_or_not():
    found = {array.name: (array.members, array.is_whole) for array in mdstat.parse(MDSTAT)}
    assert found == {"md0": ("_U", False), "md1": ("", False), "md2": ("UUU", True), "md3": ("", True)}


def test_a_kernel_without_arrays_says_so():
    assert mdstat.parse("Personalities : \nunused devices: <none>\n") == ()


@pytest.mark.parametrize(
    "text", ["", "md0 : active raid1", "Personalities : [raid1]\nmd0 : act", "Personalities :\n  9 blocks [3/3] [UU]"]
)
def test_half_an_mdstat_is_unknown(text):
    with pytest.raises(Unparsable):
        mdstat.parse(text)


def test_inodes_are_counted():
    text = "Filesystem       Inodes  IUsed    IFree IUse% Mounted on\n/dev/vda       16777216 613250 16163966    4% /\n"
    [disk] = df.inodes(text)
    assert (disk.size, disk.available, round(disk.free, 2)) == (16777216, 16163966, 0.96)


def test_a_file_system_of_no_size_has_nothing_free():
    assert df.FileSystem("none", 0, 0, 0, "/x").free == 0


@pytest.mark.parametrize("kind", ["imsm", "ddf"])
def test_the_container_of_a_firmware_raid_is_no_array(kind):
    text = (
        "Personalities : [raid1]\nmd127 : active raid1 sda[1] sdb[0]\n"
        "      976759808 blocks super external:/md0/0 [2/2] [UU]\n\nmd0 : inactive sda[1](S) sdb[0](S)\n"
        f"      5288 blocks super external:{kind}\n\nunused devices: <none>\n"
    )
    assert [(a.name, a.is_whole) for a in mdstat.parse(text)] == [("md127", True)]


@pytest.mark.parametrize("row", ["[2/2] [UU]", "512k chunks"])
@pytest.mark.parametrize("marks", ["(F)", "(W)(F)"])
def test_a_faulty_disk_makes_an_array_less_than_whole(row, marks):
    disks = f"sdc1[2]{marks} sdb1[1](S) sda1[0] x[](F)"
    text = f"Personalities : [raid0]\nmd0 : active raid0 {disks}\n      2048 blocks super 1.2 {row}\n"
    assert [(a.failed, a.is_whole) for a in mdstat.parse(text)] == [(("sdc1",), False)]


@pytest.mark.parametrize("members", ["_U", "U_"])
def test_a_missing_disk_is_one_that_no_mark_tells(members):
    text = f"Personalities : [raid1]\nmd0 : active raid1 sdb1[1]\n      2048 blocks super 1.2 [2/1] [{members}]\n"
    assert [(a.failed, a.is_whole) for a in mdstat.parse(text)] == [((), False)]


@pytest.mark.parametrize("state", ["inactive", "broken"])
def test_an_array_that_does_not_run_is_not_whole(state):
    text = f"Personalities : [raid0]\nmd0 : {state} raid0 sdb[1] sda[0]\n      2048 blocks super 1.2 512k chunks\n"
    assert [a.is_whole for a in mdstat.parse(text)] == [False]


def test_inodes_of_twenty_digits():
    text = (
        "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda2 18446744073709551615 12 18446744073709551603 1% /\n"
    )
    assert df.inodes(text)[0].size == 2**64 - 1
