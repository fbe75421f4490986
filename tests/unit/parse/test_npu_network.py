"""hccn_tool and lspci on the NPUs' links, and many answers in one. From Huawei's documentation and public logs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dlws.parse.accelerators import hccn, hccn_link
from dlws.parse.host import lspci
from dlws.parse.platform import answers
from dlws.verdict import Unknown, Unparsable

TWO = """\
== hccn_tool -i 0 -link -g
link status: UP

== exit 0
== hccn_tool -i 1 -link -g
hccn_tool is busy, please try again

== exit 1
"""


def test_each_call_has_its_answer():
    assert answers.parse(TWO).output_of("hccn_tool -i 0 -link -g").strip() == "link status: UP"


def test_a_call_that_failed_says_how():
    with pytest.raises(Unknown, match="exit status 1: hccn_tool -i 1 -link -g: hccn_tool is busy"):
        answers.parse(TWO).output_of("hccn_tool -i 1 -link -g")
    with pytest.raises(Unknown, match="no answer within 10 s: hccn_tool -i 1"):
        answers.parse(TWO.replace("exit 1", "exit 124")).output_of("hccn_tool -i 1 -link -g")
    with pytest.raises(Unparsable, match="hccn_tool -i 2 -link -g: no answer"):
        answers.parse(TWO).output_of("hccn_tool -i 2 -link -g")


@pytest.mark.parametrize("text", ["", TWO[:40], TWO + TWO, "hello\n" + TWO, TWO.replace("link status", "== exit", 1)])
def test_answers_that_are_not_whole_are_unknown(text):
    with pytest.raises(Unparsable):
        answers.parse(text)


HISTORY = """\
[devid 2]current time        : Fri Sep  1 06:37:26 2023
[devid 2]link up count       : 2
[devid 2]link change records :
[devid 2]    Fri Sep  1 06:34:43 2023    LINK DOWN
[devid 2]    Thu Aug 31 07:30:46 2023    LINK UP
[devid 2]    Thu Aug 31 07:30:40 2023    LINK DOWN
"""


EARLIER = "[devid 2]    Thu Aug 31 07:30:31 2023    LINK UP\n"


@pytest.mark.parametrize(("hours", "downs"), [(1, 1), (48, 2)])
def test_a_link_that_went_down_counts_for_a_while(hours, downs):
    assert hccn_link.downs(HISTORY + EARLIER, timedelta(hours=hours)) == downs
    assert hccn_link.downs((HISTORY + EARLIER).replace("devid", "device"), timedelta(hours=hours)) == downs


def test_a_link_that_was_never_up_did_not_go_down():
    assert hccn_link.downs(HISTORY, timedelta(hours=48)) == 1


@pytest.mark.parametrize("text", ["", HISTORY[60:], HISTORY[:60], HISTORY.replace("06:34", "36:34"), HISTORY + "LINK?"])
def test_half_of_a_history_is_unknown(text):
    with pytest.raises(Unparsable):
        hccn_link.downs(text, timedelta(hours=1))


MODULE = """\
optical info:
present              : present
Tx Power             : 4.4035 mW
Rx Power             : 1.0189mW
TxPower High Thres   : 3.5481 mW
TxPower Low Thres    : 0.2818 mW
RxPower High Thres   : 3.5481 mW
RxPower Low Thres    : 0.1445 mW
Tx Los Flag          : 0x0
Rx Los Flag          : 0xff
"""


def test_an_optical_module_tells_what_is_astray_and_lost():
    for text in (MODULE, MODULE.replace("0xff", "0xFF")):
        assert hccn_link.optical(text) == hccn_link.Optical(True, ("Tx Power 4.4035 mW",), ("Rx Los Flag",))
    assert not hccn_link.optical("optical info:\npresent : not present\n").present


@pytest.mark.parametrize("text", ["", MODULE[:60], MODULE[:99], MODULE.replace("0xff", "NA"), MODULE.replace("mW", "")])
def test_half_of_an_optical_module_is_unknown(text):
    with pytest.raises(Unparsable):
        hccn_link.optical(text)


CABLE = """\
present              : present
Vendor Name          : Amphenol
Temperature          : not supported
Tx Power             : NA
Rx Power             : NA
TxPower High Thres   : NA
TxPower Low Thres    : NA
RxPower High Thres   : NA
RxPower Low Thres    : NA
"""


def test_a_passive_cable_of_a_driver_that_writes_small_letters():
    small = CABLE.replace("Temperature ", "temperature ")
    assert hccn_link.optical(small) == hccn_link.Optical(present=True)
    for odd in (small.replace("not supported", "42 C"), small.replace("temperature  ", "heat  ")):
        with pytest.raises(Unparsable):
            hccn_link.optical(odd)


def test_a_passive_cable_has_no_light_to_lose():
    assert hccn_link.optical(CABLE) == hccn_link.Optical(present=True)


@pytest.mark.parametrize(
    "text",
    [
        CABLE.replace("not supported", "42 C"),
        CABLE + "Rx Los Flag : NA\n",
        CABLE.replace("Thres   : NA", "Thres : 1 mW", 1),
    ],
)
def test_a_module_that_tells_nothing_of_its_light_is_unknown(text):
    with pytest.raises(Unparsable):
        hccn_link.optical(text)


def test_the_unused_lanes_of_a_split_cable_are_passed_over():
    lanes = "".join(f"{way} Power{n} : {'1.0000 mW' if n < 2 else 'NA'}\n" for way in ("Tx", "Rx") for n in range(4))
    text = MODULE.replace("Tx Power             : 4.4035 mW\nRx Power             : 1.0189mW\n", lanes).replace(
        "0xff", "0x0"
    )
    assert hccn_link.optical(text) == hccn_link.Optical(True)
    assert hccn_link.optical(text.replace("Rx Power1 : 1.0000", "Rx Power1 : 0.0001")).astray == (
        "Rx Power1 0.0001 mW",
    )


def test_a_route_in_the_configuration_has_dots_in_its_name():
    route = "route_address_10.20.0.0_netmask_255.255.0.0_0=gateway_10.20.0.254"
    assert list(hccn.conf(f"address_0=10.20.0.20\nnetmask_0=255.255.255.0\n{route}\n")) == [0]


def test_lost_packets_are_counted():
    assert hccn.lost("device 0 PING 10.0.0.1\n3 packets transmitted, 1 received, 66.67% packet loss\n") == 2


@pytest.mark.parametrize("text", ["", "0 packets transmitted, 0 received, 0% packet loss\n", "Cmd execute failed!\n"])
def test_a_ping_without_packets_is_unknown(text):
    with pytest.raises(Unparsable):
        hccn.lost(text)


NPU = """\
0000:c1:00.0 Processing accelerators: Huawei Technologies Co., Ltd. Device d801 (rev 20)
\t\tLnkCap:\tPort #0, Speed 16GT/s, Width x16, ASPM not supported
\t\tLnkSta:\tSpeed 2.5GT/s (downgraded), Width x8 (downgraded)
\t\tLnkCap2: Supported Link Speeds: 2.5-16GT/s, Crosslink- Retimer+ 2Retimers+ DRS-
\t\tLnkSta2: Current De-emphasis Level: -6dB, EqualizationComplete+
"""


def test_a_link_is_what_it_is_and_what_it_could_be():
    slow = lspci.PcieLink(width=8, most_width=16, speed=2.5, most_speed=16.0)
    assert lspci.links(NPU) == ({"0000:c1:00.0": slow}, [])
    assert lspci.links("") == ({}, [])


def test_a_function_that_is_off_the_bus_has_no_link_and_hides_none():
    gone = "0000:81:00.0 Processing accelerators: Huawei Technologies Co., Ltd. Device d801 (rev ff) (prog-if ff)\n"
    gone += "\t!!! Unknown header type 7f\n\tKernel driver in use: devdrv_device_driver\n"
    assert lspci.links(gone + NPU) == ({"0000:81:00.0": None, **lspci.links(NPU).told}, [])
    with pytest.raises(Unparsable, match="no link of"):
        lspci.links(gone.replace("7f", "7e"))


@pytest.mark.parametrize("speed", ["LnkCap:\tPort #0, Speed 16GT/s", "LnkSta:\tSpeed 2.5GT/s"])
def test_a_link_with_an_unknown_speed_is_told_by_its_registers(speed: str) -> None:
    unknown = NPU.replace(speed, speed.rpartition(" ")[0] + " unknown")
    assert unknown != NPU
    assert lspci.links(unknown) == ({}, ["0000:c1:00.0"])


def test_a_function_that_is_set_apart_needs_no_link():
    engine = "0000:75:00.0 Processing accelerators: Huawei Technologies Co., Ltd. HiSilicon ZIP Engine (rev 21)\n"
    assert list(lspci.links(engine + NPU, {"0000:75:00.0"}).told) == ["0000:c1:00.0"]
    assert lspci.links(engine, {"0000:75:00.0"}) == ({}, [])
    with pytest.raises(Unparsable, match="no link of"):
        lspci.links(engine + NPU, {"0000:c1:00.0"})


@pytest.mark.parametrize("text", [NPU[:90], NPU[:170], NPU[1:], NPU.replace("LnkSta:", "LnkSto:")])
def test_half_of_a_link_is_unknown(text):
    with pytest.raises(Unparsable):
        lspci.links(text)


@pytest.mark.parametrize(
    ("registers", "link"),
    [
        ("00437d04\n1104\n", lspci.PcieLink(16, 16, 16.0, 16.0)),
        ("00437d04\n1081\n", lspci.PcieLink(8, 16, 2.5, 16.0)),
        ("00437c45\n0001\n", lspci.PcieLink(0, 4, 0.0, 32.0)),  # down
    ],
)
def test_the_registers_of_a_link_tell_its_widths_and_speeds(registers: str, link: lspci.PcieLink) -> None:
    assert lspci.registered_links(f"== 0000:c1:00.0\n{registers}") == {"0000:c1:00.0": link}


@pytest.mark.parametrize("text", ["x", "00437d04\n1104\nx\n", "00437d0f\n1104\n", "00437d04\n110f\n", "00437d04\n"])
def test_registers_with_a_doubt_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        lspci.registered_links(f"== 0000:c1:00.0\n{text}")
