"""PCIe links by their registers, and devices that answer nobody any more."""

from __future__ import annotations

import pytest

from dlws.parse.host import lspci
from dlws.verdict import Unparsable

ADDRESS = "0000:c1:00.0"
DEAD = f"{ADDRESS} Processing accelerators: Huawei Technologies Co., Ltd. Device d801 (rev ff) (prog-if ff)\n"


@pytest.mark.parametrize(
    ("code", "speed"), [("0", 0.0), ("1", 2.5), ("2", 5.0), ("3", 8.0), ("4", 16.0), ("5", 32.0), ("6", 64.0)]
)
def test_each_speed_has_its_number(code: str, speed: float) -> None:
    text = f"== {ADDRESS}\n0000010{code}\n008{code}\n"
    assert lspci.registered_links(text) == {ADDRESS: lspci.PcieLink(8, 16, speed, speed)}


def test_a_speed_without_a_name_is_unknown() -> None:
    with pytest.raises(Unparsable, match="a speed without a name"):
        lspci.registered_links(f"== {ADDRESS}\n00000107\n0081\n")


def test_registers_follow_each_other_without_a_gap() -> None:
    one = f"== {ADDRESS}\n00000104\n0084\n"
    assert list(lspci.registered_links(one + one.replace("c1", "c2"))) == [ADDRESS, "0000:c2:00.0"]
    with pytest.raises(Unparsable):
        lspci.registered_links(f"setpci: no such device\n{one}")


def test_what_says_that_a_header_is_unknown_is_of_the_device_before() -> None:
    silent = "\t!!! Unknown header type 7f\n"
    assert lspci.links(DEAD + silent).told == {ADDRESS: None}
    with pytest.raises(Unparsable, match="no link of"):
        lspci.links(DEAD + silent.replace("7f", "7f, and more"))
    assert lspci.links(silent) == ({}, [])
