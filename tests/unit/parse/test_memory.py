"""/proc/meminfo, nproc, /proc/swaps, /etc/fstab."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.parse.host import meminfo, swaps
from dlws.parse.storage import fstab
from dlws.verdict import Unparsable

# Recorded on Linux 6.x (Debian 12), shortened.
MEMINFO = """\
MemTotal:       24684092 kB
MemFree:        23998400 kB
MemAvailable:   24287956 kB
SwapTotal:             0 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
"""
NO_SWAP = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"  # recorded, Linux 6.x
OLD_HEADER = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"  # Linux 4.15, from fs/proc sources
# The installer's file of Ubuntu Server 18.04, one UUID shortened.
FSTAB = """\
# /etc/fstab: static file system information.
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
UUID=5f3c-aa / ext4 defaults 0 0
/swap.img\tnone\tswap\tsw\t0\t0
#/dev/sdb2 none swap sw 0 0
/dev/sdc3 none swap sw,noauto 0 0
atlas02:/mnt/my\\040share /mnt nfs _netdev 0 0
"""


def test_memory_is_in_bytes():
    assert meminfo.parse("Welcome to Ubuntu 18.04\r\n" + MEMINFO) == meminfo.MemInfo(
        24684092 * 1024, 24287956 * 1024, 0
    )


@pytest.mark.parametrize("text", ["", "MemTotal: 1 kB\n", MEMINFO + "garbage", "MemTotal: 12 MB\n", "MemTotal:  \0\0"])
def test_half_a_meminfo_is_unknown(text):
    with pytest.raises(Unparsable):
        meminfo.parse(text)


def test_nproc_is_one_number():
    assert meminfo.nproc("36\n") == 36


@pytest.mark.parametrize("text", ["", "Welcome\n36\n", "-1", "٣", "9" * 5000])
def test_nproc_with_anything_else_is_unknown(text):
    with pytest.raises(Unparsable):
        meminfo.nproc(text)


@pytest.mark.parametrize("header", [NO_SWAP, OLD_HEADER, "\x1b[1mWelcome\x1b[0m\r\n" + NO_SWAP])
def test_a_header_alone_means_no_swap(header):
    assert swaps.parse(header) == ()


def test_swap_areas_are_listed():
    text = OLD_HEADER + "/swap\\040file                              file\t\t2097148\t512\t-2\n"
    assert swaps.parse(text) == (swaps.SwapArea("/swap file", "file", 2097148 * 1024, 512 * 1024, -2),)


@pytest.mark.parametrize("text", ["", "\n", "Filename  Type", NO_SWAP + "/dev/sda2  partit"])
def test_swaps_without_its_header_or_cut_off_is_unknown(text):
    with pytest.raises(Unparsable):
        swaps.parse(text)


def test_a_live_swap_line_is_found_with_its_number():
    assert [(entry.line, entry.spec) for entry in fstab.live_swaps(FSTAB)] == [(4, "/swap.img")]


def test_fstab_escapes_are_decoded():
    assert fstab.parse(FSTAB)[-1].spec == "atlas02:/mnt/my share"


def test_commenting_out_swap_touches_that_line_alone():
    assert fstab.comment_out_swap(FSTAB) == FSTAB.replace("/swap.img\tnone", "#/swap.img\tnone")


def test_an_empty_fstab_has_no_swap():
    assert fstab.comment_out_swap("") == ""


@pytest.mark.parametrize("text", ["/dev/sda1\n", "/dev/sda1 /\n", "UUID=1 / ext4 defaults 0 0\n\0\0\0"])
def test_a_broken_fstab_is_never_edited(text):
    with pytest.raises(Unparsable):
        fstab.comment_out_swap(text)


FSTAB_LINES = st.lists(
    st.sampled_from([*FSTAB.split("\n"), "/swapfile swap swap defaults 0 0\r", "  LABEL=s none swap sw 0 0", "#", ""])
)


@given(FSTAB_LINES.map("\n".join))
def test_the_edit_is_idempotent_and_leaves_no_live_swap(text):
    edited = fstab.comment_out_swap(text)
    assert fstab.live_swaps(edited) == ()
    assert fstab.comment_out_swap(edited) == edited
    changed = [(new, old) for new, old in zip(edited.split("\n"), text.split("\n"), strict=True) if new != old]
    assert all(new == "#" + old for new, old in changed)
