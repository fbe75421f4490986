"""Where hccn_tool's answers end: at a bound, cut off, or with something more on the line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dlws.parse.accelerators import hccn, hccn_link
from dlws.verdict import Unparsable


def test_the_fec_mode_is_told_in_the_tools_words() -> None:
    assert hccn.fec("fec mode: rs FEC mode\n") == "rs FEC mode"
    with pytest.raises(Unparsable, match="-fec: 0 answers"):
        hccn.fec("fec mode: \n")


@pytest.mark.parametrize(
    ("sent", "received", "lost"), [(3, 3, 0), (3, 0, 3), (1, 1, 0)], ids=["none lost", "all lost", "one packet"]
)
def test_as_many_packets_are_lost_as_did_not_come_back(sent: int, received: int, lost: int) -> None:
    assert hccn.lost(f"{sent} packets transmitted, {received} received, 0.00% packet loss\n") == lost


def test_more_packets_than_were_sent_are_no_answer() -> None:
    with pytest.raises(Unparsable):
        hccn.lost("3 packets transmitted, 4 received, 0.00% packet loss\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ipaddr:\nnetmask:255.255.255.0\n", "-ip: 0 answers"),
        ("ipaddr:10.0.0.1\nnetmask:\n", "-ip: 0 answers"),
        ("ipaddr:10.0.0.1/24\nnetmask:255.255.255.0\n", "-ip: 0 answers"),
    ],
)
def test_half_an_address_is_unknown(text: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        hccn.ip(text)


def test_a_word_cut_off_is_no_health_of_the_net() -> None:
    with pytest.raises(Unparsable):
        hccn.net_health("net health status: S\n")


PORT = "address_0=10.0.0.1\nnetmask_0=255.255.255.0\n"


@pytest.mark.parametrize("more", ["send_arp_status_0=1\nsend_arp_status_0=0\n", "x_0=1\n", "  # a remark\n"])
def test_other_settings_do_not_touch_an_address(more: str) -> None:
    assert list(hccn.conf(PORT + more)) == [0]


@pytest.mark.parametrize("text", [PORT + "netmask_0=255.0.0.0\n", "netmask_0=255.255.255.0\n", "address_0=10.0.0.1\n"])
def test_an_address_has_one_netmask_and_a_netmask_an_address(text: str) -> None:
    with pytest.raises(Unparsable):
        hccn.conf(text)


HISTORY = """\
[devid 2]current time        : Fri Sep  1 06:37:26 2023
[devid 2]link up count       : 2
[devid 2]link change records :
[devid 2]    Fri Sep  1 06:34:43 2023    LINK DOWN
[devid 2]    Thu Aug 31 07:30:46 2023    LINK UP
"""
SINCE = timedelta(minutes=2, seconds=43)
"""From the time when the link went down to the current time."""


@pytest.mark.parametrize(("longer", "downs"), [(0, 0), (1, 1)])
def test_a_down_counts_that_is_younger_than_the_time_asked_for(longer: int, downs: int) -> None:
    for text in (HISTORY, HISTORY.replace("[devid 2]", "")):
        assert hccn_link.downs(text, SINCE + timedelta(seconds=longer)) == downs


def test_a_link_with_downs_alone_was_never_up() -> None:
    assert hccn_link.downs(HISTORY.replace("LINK UP", "LINK DOWN"), timedelta(days=9)) == 0


@pytest.mark.parametrize(
    "text", [HISTORY + HISTORY[:57], HISTORY.replace("DOWN", "DOWN?"), HISTORY.replace("link up count", "link count")]
)
def test_a_history_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        hccn_link.downs(text, SINCE)


MODULE = """\
present              : present
Tx Power             : 3 mW
Rx Power             : 1.0189mW
TxPower High Thres   : 3.5481 mW
TxPower Low Thres    : 0.2818 mW
RxPower High Thres   : 3.5481 mW
RxPower Low Thres    : 0.1445 mW
Tx Los Flag          : 0x0
Rx Los Flag          : 0x0
"""


@pytest.mark.parametrize("power", ["0.1445", "3.5481"])
def test_a_power_at_its_threshold_is_not_astray(power: str) -> None:
    assert hccn_link.optical(MODULE.replace("1.0189", power)) == hccn_link.Optical(True)


@pytest.mark.parametrize(("power", "shown"), [("0.1444", "0.1444"), ("3.5482", "3.5482")])
def test_a_power_beyond_its_threshold_is_astray(power: str, shown: str) -> None:
    assert hccn_link.optical(MODULE.replace("1.0189", power)).astray == (f"Rx Power {shown} mW",)


@pytest.mark.parametrize("row", MODULE.splitlines())
def test_an_optical_module_without_one_of_its_rows_is_unknown(row: str) -> None:
    with pytest.raises(Unparsable):
        hccn_link.optical(MODULE.replace(f"{row}\n", ""))


def test_a_further_row_about_power_is_no_lane() -> None:
    assert hccn_link.optical(MODULE + "Tx Power Alarm : none\n") == hccn_link.Optical(True)
    with pytest.raises(Unparsable):
        hccn_link.optical(MODULE + "Tx Los Flag : 0x1 : lane 2\n")


@pytest.mark.parametrize(
    ("old", "new"), [("1.0189mW", "NA"), ("3 mW", "NA"), ("0x0", "0x0 (ok)"), ("1.0189mW", "1.0189 mW?")]
)
def test_a_row_that_says_something_else_is_unknown(old: str, new: str) -> None:
    with pytest.raises(Unparsable):
        hccn_link.optical(MODULE.replace(old, new, 1))


CABLE = """\
present              : present
Temperature          : not supported
Tx Power             : NA
Rx Power             : NA
TxPower High Thres   : NA
TxPower Low Thres    : NA
RxPower High Thres   : NA
RxPower Low Thres    : NA
"""


@pytest.mark.parametrize("row", CABLE.splitlines()[1:])
def test_a_cable_has_light_or_says_everywhere_that_it_has_none(row: str) -> None:
    key, colon, _ = row.partition(":")
    for other in ("", f"{key}{colon} 1.0 mW\n"):
        with pytest.raises(Unparsable):
            hccn_link.optical(CABLE.replace(f"{row}\n", other))


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Get ip failed, because no ip was preset there!", True),
        (" Get ipconf failed, because no ip was preset there!\nnpu 3\n", True),
        ("Get ip failed, because no ip was preset there! Retry", False),
        ("ipaddr:10.20.3.60\n", False),
        ("", False),
    ],
)
def test_a_port_says_that_it_has_no_address(text: str, *, without: bool) -> None:
    assert hccn.has_no_address(text) is without
