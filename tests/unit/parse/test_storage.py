"""df, mdstat, exportfs, fstab, mounts, fio and smartctl: what each line may be, and what is none of theirs."""

from __future__ import annotations

import re

import pytest

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.parse.storage import df, exportfs, fio, fstab, mdstat, mounts, smart
from dlws.parse.storage.exportfs import Export
from dlws.verdict import Unknown, Unparsable

NODE = Node("atlas01", "192.168.3.6", "sigsus.cn", Role.WORKER, Arch.ARM64, Device.NPU, Origin.MACHINES)
PASSED = "== /dev/{}\nSMART overall-health self-assessment test result: PASSED\n== rc 0\n"


@pytest.mark.parametrize(
    "header", ["Filesystem Inodes IUsed IFree IUse% Mounted on", "文件系统 Inode 已用 可用 已用% 挂载点"]
)
def test_inodes_under_headers_of_two_languages(header: str) -> None:
    [found] = df.inodes(f"{header}\n/dev/vda 100 40 60 40% /\n")
    assert (found.free, found.mountpoint) == (0.6, "/")


@pytest.mark.parametrize("folder", ["/srv/a---- /b", "/srv/a - - - -/b"])
def test_a_folder_with_dashes_is_no_file_system_that_counts_nothing(folder: str) -> None:
    [found] = df.inodes(f"Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/vda 100 40 60 40% {folder}\n")
    assert found.mountpoint == folder


def test_a_file_system_without_a_size_has_nothing_free() -> None:
    [found] = df.inodes("Filesystem Inodes IUsed IFree IUse% Mounted on\nbtrfs 0 0 0 - /data\n")
    assert (found.free, found.usable) == (0, 0)


def test_what_is_reserved_is_neither_used_nor_free() -> None:
    [found] = df.parse("Filesystem 1-blocks Used Available Capacity Mounted on\n/dev/vda 1000 150 100 60% /\n")
    assert (found.free, found.usable) == (0.1, 0.4)


def test_a_single_inode_that_is_left_is_all_that_there_is() -> None:
    [found] = df.inodes("Filesystem Inodes IUsed IFree IUse% Mounted on\ntmpfs 1 0 1 0% /run/a\n")
    assert (found.free, found.usable) == (1, 1)


@pytest.mark.parametrize(
    "rows",
    [
        "md0 : actively raid1 sdb1[1] sda1[0]\n",
        "md0 : active raid1 sdb1[1] sda1[0]\n      9 blocks [2/2] [UU]\n      9 blocks [2/2] [UU]\n",
        "md0 : active raid1 sdb1[1] sda1[0]\n      9 blocks [3/2] [UU]\n",
        "      9 blocks [2/2] [UU]\n",
    ],
)
def test_an_array_that_contradicts_itself_is_unknown(rows: str) -> None:
    with pytest.raises(Unparsable):
        mdstat.parse(f"Personalities : [raid1]\n{rows}")


@pytest.mark.parametrize(
    ("client", "rank"), [("192.168.3.9/24", 1), ("atlas0?", 2), ("*.sigsus.cn", 2), ("atlas0", None), ("@hosts", None)]
)
def test_whom_an_export_reaches(client: str, rank: int | None) -> None:
    assert Export("/x", client, ("rw",)).reaches(NODE) == rank


def test_the_export_of_another_folder_does_not_count() -> None:
    there = Export("/mnt/local", "*", ("ro",))
    assert exportfs.to((Export("/mnt/other", "atlas01", ("rw",)), there), "/mnt/local", NODE) == there


@pytest.mark.parametrize(
    ("client", "everyone"),
    [
        ("*", True),
        (exportfs.WORLD, True),
        ("0.0.0.0/0", True),
        ("0.0.0.0/0.0.0.0", True),
        ("10.0.0.0/8", False),
        ("0.0.0.0/0.0.0.255", False),
    ],
)
def test_a_network_may_be_everyone(client: str, *, everyone: bool) -> None:
    assert Export("/mnt", client, ("rw",)).is_for_everyone is everyone


def test_exports_by_which_a_folder_is_had() -> None:
    paths = ("/", "/mnt", "/mnt/local", "/mnt/local/work", "/mnt/locally")
    exports = tuple(Export(path, "*", ("rw",)) for path in paths)

    def given(*mounted: str) -> list[str]:
        return sorted(export.path for export in exportfs.giving(exports, "/mnt/local", mounted))

    assert [e.path for e in exportfs.above(exports, "/mnt/local")] == ["/", "/mnt"]
    assert given("/", "/srv") == ["/", "/mnt", "/mnt/local", "/mnt/local/work"]
    assert given("/", "/mnt") == ["/mnt", "/mnt/local", "/mnt/local/work"]
    assert given("/", "/mnt/local") == ["/mnt/local", "/mnt/local/work"]
    crossing = (Export("/mnt", "*", ("rw", "crossmnt")),)
    assert exportfs.giving(crossing, "/mnt/local", ["/mnt/local"]) == [*crossing]


@pytest.mark.parametrize(
    "text",
    [
        "/srv/very/long/one\n/srv/very/long/two\n\t\t*(rw)\n",
        "exportfs: no such host\n\t\t*(rw)\n",
        "\t\t*(rw)\n",
        "/srv/very/long/one\n/srv/two \t*(rw)\n",
        "/srv/one \t*(rw) and more\n",
        "/srv/one \t*()\n",
    ],
)
def test_exports_that_do_not_belong_together_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        exportfs.parse(text)


@pytest.mark.parametrize("speed", ["null", "1" + "0" * 400, '{"a":' * 100_000])
def test_a_speed_that_is_no_number_is_unknown(speed: str) -> None:
    with pytest.raises(Unparsable):
        fio.written('{"jobs": [{"error": 0, "write": {"bw": ' + speed + "}}]}")


def test_nul_within_a_line_of_fstab_is_unknown() -> None:
    with pytest.raises(Unparsable, match="NUL"):
        fstab.parse("UUID=1 / ext4 defa\0lts 0 0\n")


def test_a_mount_is_the_first_line_of_an_empty_fstab() -> None:
    assert fstab.with_mount("", "a:/b /c nfs x 0 0") == "a:/b /c nfs x 0 0\n"


def test_each_field_of_a_mount_has_its_place() -> None:
    assert mounts.parse("nas:/x /y nfs4 rw,hard 1 2\n") == (mounts.Mounted("nas:/x", "/y", "nfs4", ("rw", "hard")),)


def test_a_hosts_mounts_are_read_once_for_all_that_ask() -> None:
    table = "proc /proc proc rw 0 0\n" * 100
    assert mounts.parse(table) is mounts.parse("".join(table.splitlines(keepends=True)))


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "fuse.nfs"])
def test_nfs_has_several_clients(kind: str) -> None:
    assert kind in mounts.NFS


@pytest.mark.parametrize("line", ["a b ext4 rw 0 0", "a /b ext4 rw x 0", "a /b ext4 rw 0 x", "a /b ext4 rw 0"])
def test_a_mount_of_another_form_is_unknown(line: str) -> None:
    with pytest.raises(Unparsable):
        mounts.parse(f"{line}\n")


@pytest.mark.parametrize(
    "said",
    [
        "Device does not support SMART",
        "SMART support is:     Unavailable - device lacks SMART capability.",
        "SMART support is: Unavailable",
        "/dev/sda: Unable to detect device type",
        "Smartctl open device: /dev/sda failed: Operation not supported",
        "/dev/sda: lacks SMART capability",
        "/dev/sda: please try adding '-d megaraid,N'",
        "/dev/sda: requires option '-d cciss,N'",
        "/dev/sda: Unknown USB bridge [0x046b:0xff31 (0x100)]",
        "Smartctl open device: /dev/sda failed: No medium found",
        "NO MEDIUM present in device\nA mandatory SMART command failed: exiting.",
        "Short INQUIRY response, skip product id",
        "Log Sense failed, IE page [unsupported field in scsi command]",
        "Read NVMe Identify Controller failed: NVMe Status 0x200b",
    ],
)
def test_a_disk_without_smart_has_no_state(said: str) -> None:
    assert smart.parse(f"== /dev/sda\n{said}\n== rc 2\n") == {"/dev/sda": ""}


@pytest.mark.parametrize("rc", [126, 127])
def test_a_smartctl_that_cannot_run_is_missing(rc: int) -> None:
    with pytest.raises(Unknown, match="smartmontools"):
        smart.parse(f"== /dev/sda\n== rc {rc}\n")


def test_each_disk_has_its_own_state() -> None:
    text = PASSED.format("sda") + PASSED.format("sdb").replace("PASSED", "FAILED!").rstrip("\n")
    assert smart.parse(text) == {"/dev/sda": "PASSED", "/dev/sdb": "FAILED!"}


@pytest.mark.parametrize(
    "said",
    [
        "Read Device Identity failed: Input/output error",
        "Read Device Identity failed: Connection timed out",
        "Read Device Identity failed: scsi error medium or hardware error (serious)",
        "Read Device Identity failed: No such device",
        "Read NVMe Identify Controller failed: NVME_IOCTL_ADMIN_CMD: Input/output error",
    ],
)
def test_a_disk_that_fails_to_say_what_it_is_has_no_health(said: str) -> None:
    with pytest.raises(Unparsable, match=f"smartctl -H /dev/sda: .*{re.escape(said)}"):
        smart.parse(f"== /dev/sda\nsmartctl 7.2\n\n{said}\n\nA mandatory SMART command failed: exiting.\n== rc 2\n")


def test_what_smartctl_says_otherwise_is_no_health() -> None:
    with pytest.raises(Unparsable, match=r"smartctl -H /dev/sda: .*Permission denied"):
        smart.parse("== /dev/sda\nSmartctl open device: /dev/sda failed: Permission denied\n== rc 2\n")


@pytest.mark.parametrize("text", ["Welcome\n" + PASSED, PASSED.replace("rc 0", "rc 0x")])
def test_text_around_the_sections_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        smart.parse(text.format("sda"))


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("/a b(rw,sync)", [("/a", "b", ("rw", "sync"))]),
        ("/a/ b c(ro)", [("/a", "b", ("ro",)), ("/a", "c", ("ro",))]),
        ("/a -rw,sync b c(ro) # d(rw)", [("/a", "b", ("rw", "sync")), ("/a", "c", ("ro", "sync"))]),
        ("/a b(rw,ro,rw)", [("/a", "b", ("rw",))]),
        ("/a b (rw)", [("/a", "b", ("ro",)), ("/a", exportfs.WORLD, ("rw",))]),
        ("/a", [("/a", exportfs.WORLD, ("ro",))]),
        ('"/a b" c()', [("/a b", "c", ("ro",))]),
        ('/""a c(rw)', [("/a", "c", ("rw",))]),
        ("/a\\040b \\\n c(rw)", [("/a b", "c", ("rw",))]),
        ("/ *(rw)", [("/", "*", ("rw",))]),
        ("# /a b(rw)", []),
    ],
)
def test_the_file_says_what_a_server_exports_when_it_starts(line, given):
    assert [(e.path, e.client, e.options) for e in exportfs.at_start(f"{line}\n")] == given


@pytest.mark.parametrize("line", ["a b(rw)", "/a b(rw", "/a b(rw)x", "/a b(c(rw))"])
def test_a_line_that_exportfs_refuses_is_not_understood(line):
    with pytest.raises(Unparsable, match="/etc/exports"):
        exportfs.at_start(f"{line}\n")
