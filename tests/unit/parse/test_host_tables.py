"""Tables of the kernel and of the system's own tools: every field, and rows that are cut off or have more in them."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import nvidia_smi
from dlws.parse.host import (
    kernels,
    lscpu,
    lspci,
    meminfo,
    modes,
    modules,
    os_release,
    processes,
    sshd_t,
    swaps,
    sysctl_conf,
    systemd,
    timedate,
)
from dlws.parse.platform import alerts, answers, mysql_accounts
from dlws.platform.database import ACCOUNTS
from dlws.verdict import Unparsable

SSHD = "port 22\nx11forwarding\nmaxsessions 10\nipqos lowdelay throughput\n"
NPU = """\
0000:c1:00.0 Processing accelerators: Huawei Technologies Co., Ltd. Device d801 (rev 20)
\tControl: I/O- Mem+ BusMaster+
\t\tLnkCap:\tPort #0, Speed 8GT/s, Width x16, ASPM not supported
\t\tLnkSta:\tSpeed 2.5GT/s (downgraded), Width x4 (downgraded)
"""
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 8 4 5\n"
GROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t74\t1\n"
MODULE = "nvidia 20008960 2 - Unloading 0xffffffffc0400000 (POE)\n"
LIMIT = "docker Max open files            1024                 unlimited            files     \n"
MEMORY = "MemTotal: 4 kB\nMemAvailable: 2 kB\nSwapTotal: 1 kB\n"


@pytest.mark.parametrize(
    ("releases", "newest"),
    [
        ("4.9 4.10", "4.10"),
        ("5.4.0-99-generic 5.4.0-150-generic", "5.4.0-150-generic"),
        ("5.4.0-9-generic 5.4.0-9-lowlatency", "5.4.0-9-lowlatency"),
        ("6.1.0-rc1 6.1.0-rc10", "6.1.0-rc10"),
    ],
)
def test_the_newest_kernel_whatever_its_name(releases: str, newest: str) -> None:
    images = "".join(f"vmlinuz-{release}\n" for release in releases.split())
    assert kernels.parse(f"4.9\n{images}").newest == newest


@pytest.mark.parametrize("image", ["5.4.0-9.bak", "5.4.0-9.dpkg-new", "5.4.0-9.old", "rescue-5.4.0", "0-rescue-3f2a"])
def test_a_backup_of_a_kernel_is_none(image: str) -> None:
    assert kernels.parse(f"4.9\nvmlinuz-{image}\nvmlinuz-5.4.0.oldest\n").installed == ("5.4.0.oldest",)


@pytest.mark.parametrize("text", ["4.9 x\n", "4.9\nvmlinuz-4.9 x\n", "x4.9\n"])
def test_a_list_of_kernels_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        kernels.parse(text)


@pytest.mark.parametrize("text", ["", GROUPS.partition("\n")[2], GROUPS[:-1] + " x\n", GROUPS + "memory\n"])
def test_a_table_of_controllers_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        kernels.controllers(text)
    with pytest.raises(Unparsable):
        kernels.options("CONFIG_INET=y x\n")


def test_what_lscpu_cannot_tell_is_said_to_be_unknown() -> None:
    assert str(lscpu.Processors(2, "", 0, 0)) == "2 CPUs, no model, sockets unknown, NUMA nodes unknown"
    with pytest.raises(Unparsable, match="no CPU"):
        lscpu.parse("Architecture: x86_64\n")


def test_a_link_has_widths_and_speeds() -> None:
    expected = {"0000:c1:00.0": lspci.PcieLink(width=4, most_width=16, speed=2.5, most_speed=8.0)}
    assert lspci.links("\t\tLnkCap:\tSpeed 5GT/s, Width x1\n" + NPU).told == expected
    with pytest.raises(Unparsable):
        lspci.functions("0000:c1:00.0 Accelerators [1200]: Device [19e5:d802] (rev 20) x\n")


def test_sizes_of_memory_are_in_bytes() -> None:
    assert meminfo.parse(MEMORY) == meminfo.MemInfo(4096, 2048, 1024)
    for odd in (MEMORY + "HugePages: 1 MB\n", MEMORY.replace("1 kB", "kB")):
        with pytest.raises(Unparsable):
            meminfo.parse(odd)


def test_a_module_that_goes_is_not_loaded() -> None:
    assert modules.loaded(MODULE) == frozenset()
    for odd in (MODULE[:-1] + " x\n", MODULE.replace(" 2 ", "  ")):
        with pytest.raises(Unparsable):
            modules.loaded(odd)


@pytest.mark.parametrize(
    ("version", "point"), [("18.04.1 LTS", "18.04.1"), ("12. x", "12"), ("stretch/sid", None), ("Core 2021", None)]
)
def test_the_point_release_is_the_number_that_comes_first(version: str, point: str | None) -> None:
    assert os_release.parse(f'ID=x\nVERSION="{version}"\n').point == point


@pytest.mark.parametrize(("row", "limit"), [(LIMIT, 1024), (LIMIT.replace("1024 ", "unlimited "), float("inf"))])
def test_the_soft_limit_of_a_service_counts(row: str, limit: float) -> None:
    assert processes.open_files(row) == {"docker": limit}


@pytest.mark.parametrize("row", [LIMIT[:-6] + "x\n", "docker\n", "Ss 1 0x\n"])
def test_a_row_about_a_process_with_a_doubt_is_unknown(row: str) -> None:
    for parse in (processes.open_files, processes.parse):
        with pytest.raises(Unparsable):
            parse(row)


def test_a_keyword_of_sshd_may_have_no_value() -> None:
    found = sshd_t.parse(f"port 22 is closed to others\n{SSHD}")
    assert (found["port"], found["x11forwarding"]) == (("22",), ("",))
    with pytest.raises(Unparsable):
        sshd_t.parse(SSHD + "permit-root yes\n")


def test_a_swap_area_may_have_any_priority() -> None:
    assert swaps.parse(SWAPS) == (swaps.SwapArea("/dev/sda2", "partition", 8192, 4096, 5),)
    for odd in (SWAPS.replace("Priority", "Priority x"), SWAPS[:-1] + " x\n"):
        with pytest.raises(Unparsable):
            swaps.parse(odd)


def test_the_last_sysctl_setting_is_also_the_last_applied() -> None:
    assert list(sysctl_conf.parse("a.b = 1\nc = 2\na/b = 3\n").items()) == [("c", "2"), ("a.b", "3")]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "-"),
        ("/mnt/local/", "mnt-local"),
        ("//mnt//a.b", "mnt-a.b"),
        ("/.hidden/x", r"\x2ehidden-x"),
        ("/my-data", r"my\x2ddata"),
    ],
)
def test_a_path_has_a_unit(path: str, name: str) -> None:
    assert systemd.escaped(path) == name
    assert systemd.mount_point(f"{name}.mount") == "/" + "/".join(part for part in path.split("/") if part)


def test_units_have_states() -> None:
    assert systemd.failed("● a.b.service loaded failed dead A b\n") == (
        systemd.Unit("a.b.service", "loaded", "failed", "dead"),
    )
    files = "dev-sda2.swap generated -\nnfs.mount masked enabled\ncron.service enabled\n"
    assert systemd.unit_files(files) == {"dev-sda2.swap": "generated", "nfs.mount": "masked", "cron.service": "enabled"}
    for odd in ("cron.service enabled x\n", "cron.service\n"):
        with pytest.raises(Unparsable):
            systemd.unit_files(odd)


@pytest.mark.parametrize("text", ["", "NTP synchronized: yes?\n", "NTP synchronized: no\nNTP synchronized: no\n"])
def test_a_clock_that_says_nothing_clear_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        timedate.synchronised(text)
    with pytest.raises(Unparsable):
        modes.parse("600 root f /etc/a\n")


def test_the_powers_are_asked_for_in_their_order() -> None:
    places = [ACCOUNTS.index(name.partition(",")[0]) for name in mysql_accounts.POWERS]
    assert places == sorted(places)


def test_further_answers_that_are_not_whole_are_unknown() -> None:
    with pytest.raises(Unparsable):
        answers.parse("== exit 0\n== exit 0\n")
    with pytest.raises(Unparsable):
        alerts.samples('{"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "8"]}]}}')
    assert nvidia_smi.unreadable("0, N/A ERR!\n") == ["GPU 0: N/A ERR!"]
