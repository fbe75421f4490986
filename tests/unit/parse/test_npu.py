"""npu-smi, hccn_tool and the driver's files. Transcribed from Huawei's documentation, the tool's published source and
public logs (npu-smi 20.2, 23.0, 24.1, 25.3); no NPU was at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.parse.accelerators import ascend, hccn, npu_chip, npu_smi
from dlws.parse.accelerators.npu_smi import Health
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"


def data(name: str) -> str:
    return (DATA / name).read_text()


TABLES = ["npu_smi_info_20.2.txt", "npu_smi_info_23.0.txt", "npu_smi_info_24.1.txt"]


@pytest.mark.parametrize("name", TABLES)
def test_eight_chips_whatever_the_layout_and_the_processes(name):
    for text in (data(name), "Welcome\n" + data(name).replace("\n", "\r\n")):
        chips = npu_smi.info(text).chips
        assert [chip.npu for chip in chips] == list(range(8))
        assert {chip.health for chip in chips} == {Health.OK}


def test_a_chip_of_20_2():
    info = npu_smi.info(data("npu_smi_info_20.2.txt"))
    assert (info.tool, info.driver) == ("1.8.21", "20.2.2.spc001")
    assert info.chips[0] == npu_smi.Chip(0, 0, "910A", Health.OK, 66.6, 36, "0000:C1:00.0", 0, 0, 32768)


def test_numbers_that_touch_the_slash():
    assert npu_smi.info(data("npu_smi_info_24.1.txt")).chips[7].hbm_used == 65534


def test_a_chip_without_hbm_and_power():
    (chip,) = npu_smi.info(data("npu_smi_info_310p.txt")).chips
    assert (chip.npu, chip.name, chip.health, chip.power, chip.hbm_total) == (6, "310P3", Health.WARNING, None, None)


@pytest.mark.parametrize("word", ["Alarm", "Critical", "UNKNOWN", "Warning"])
def test_a_sick_chip_keeps_its_word(word):
    text = data("npu_smi_info_20.2.txt").replace("| OK      ", f"| {word:<8}", 1)
    assert npu_smi.info(text).chips[0].health.value == word.upper()


@pytest.mark.parametrize("name", ["npu_smi_info_23.0.txt", "npu_smi_info_24.1.txt", "npu_smi_info_310p.txt"])
def test_a_new_table_cut_off_anywhere_before_its_processes_is_unknown(name):
    text = data(name)
    for end in range(0, text.index("Process id"), 7):
        with pytest.raises(Unparsable):
            npu_smi.info(text[:end])


def test_an_old_table_cut_off_within_a_chip_is_unknown():
    text = data("npu_smi_info_20.2.txt")
    last = text.index("| 7 ")
    for end in range(last + 3, len(text) - 2, 5):
        with pytest.raises(Unparsable):
            npu_smi.info(text[:end])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dcmi model initialized failed, because the device is used. ret is -8020\n",
        "sh: 1: npu-smi: not found\n",
        "bash: /usr/local/bin/npu-smi: No such file or directory\n",
        data("npu_smi_info_20.2.txt").replace("| OK ", "| OK?", 1),
        data("npu_smi_info_20.2.txt").replace("0000:01:00.0", "0000:C1:00.0"),
        "\n".join(line for line in data("npu_smi_info_23.0.txt").split("\n") if "| 3     910A" not in line),
    ],
)
def test_what_is_not_the_table_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_smi.info(text)


def test_the_listed_cards_are_as_many_as_the_tool_counts():
    assert npu_smi.cards(data("npu_smi_info_l.txt")) == dict.fromkeys(range(8), 1)
    assert npu_smi.cards(data("npu_smi_info_l.txt").replace("Total", "Card")) == dict.fromkeys(range(8), 1)


def test_a_card_of_an_a3_has_two_chips():
    text = data("npu_smi_info_l.txt").replace(
        "Chip Count                     : 1", "Chip Count                     : 2"
    )
    assert npu_smi.cards(text) == dict.fromkeys(range(8), 2)
    for count in ("", "Chip Count                     : 0"):
        with pytest.raises(Unparsable, match="counts of chips"):
            npu_smi.cards(text.replace("Chip Count                     : 2", count, 1))


def test_a_host_without_a_card_lists_none():
    assert npu_smi.cards("\tThere is no NPU card on this server.\n") == {}


@pytest.mark.parametrize(
    "text", ["", data("npu_smi_info_l.txt")[:200], data("npu_smi_info_l.txt").replace(": 8", ": 9")]
)
def test_half_a_list_of_cards_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_smi.cards(text)


def test_the_mcu_is_no_chip():
    chips = npu_smi.mapping(data("npu_smi_info_m.txt"))
    assert len(chips) == 8
    assert chips[7] == npu_smi.ChipNumbers(npu=7, chip=0, logic=7, phy=None, name="Ascend 910A")


def test_two_chips_on_a_card_and_a_column_more():
    chips = npu_smi.mapping(data("npu_smi_info_m_phy.txt"))
    assert [(chip.npu, chip.chip, chip.logic, chip.phy) for chip in chips] == [
        (0, 0, 0, 0),
        (0, 1, 1, 1),
        (1, 0, 2, 2),
        (1, 1, 3, 3),
    ]
    assert {chip.name for chip in chips} == {"Ascend910"}


def test_columns_parted_by_single_spaces():
    text = "NPU ID Chip ID Chip Logic ID Chip Phy-ID Chip Name\n0 0 0 8 Ascend 910B\n0 1 - - Mcu\n"
    assert npu_smi.mapping(text) == (npu_smi.ChipNumbers(0, 0, 0, 8, "Ascend 910B"),)


def test_no_card_on_this_server():
    assert npu_smi.mapping("There is no NPU card on this server.\n") == ()


@pytest.mark.parametrize(
    "text", ["", data("npu_smi_info_m.txt")[:130], data("npu_smi_info_m.txt")[:300], "0 0 0 Ascend"]
)
def test_half_a_mapping_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_smi.mapping(text)


def test_a_mapping_of_the_mcu_alone_is_unknown():
    with pytest.raises(Unparsable, match="no chip"):
        npu_smi.mapping("NPU ID  Chip ID  Chip Logic ID  Chip Name\n0  1  -  Mcu\n")


def test_common_leaves_the_mcu_out():
    (chip,) = npu_chip.common(data("npu_smi_common.txt"))
    assert (chip.chip, chip.temperature, chip.power) == (0, 41, 71.7)
    assert (chip.aicore_freq, chip.aicore_cur_freq, chip.hbm_percent) == (900, 900, 0)


def test_common_of_a_card_with_two_chips():
    chips = npu_chip.common(data("npu_smi_common_310p.txt"))
    assert [(chip.chip, chip.temperature, chip.power, chip.hbm_percent) for chip in chips] == [
        (0, 60, None, None),
        (1, 59, None, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        data("npu_smi_common.txt").replace(": 1\n", ": 2\n", 1),
        data("npu_smi_common.txt").replace("71.7", "hot"),
        data("npu_smi_common.txt")[:200],
        data("npu_smi_common_310p.txt")[:400],
        "This device does not exist.\n",
    ],
)
def test_half_of_common_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_chip.common(text)


HEALTHY = """\
\tHealth Status                  : OK
\tError Code                     : NA
\tError Information              : NA
"""
ALARM = """\
\tHealth Status                  : Alarm
\tError Code                     : 80C98001, 80e01801
\tError Information              : node type=SOC, sensor type=Critical Fault
"""
# Without -c 0: the mcu's OK comes first, the chip's alarm after.
WITHOUT_C = "\tNPU ID                         : 0\n\tChip Count                     : 1\n\n" + HEALTHY


def test_a_healthy_chip_has_no_error_code():
    assert npu_chip.health(HEALTHY) == npu_chip.ChipHealth(Health.OK, (), "NA")


def test_an_alarm_names_its_codes():
    found = npu_chip.health(ALARM)
    assert (found.health, found.error_codes) == (Health.ALARM, ("80C98001", "80E01801"))


@pytest.mark.parametrize(
    "text",
    [
        WITHOUT_C,
        WITHOUT_C + ALARM,
        HEALTHY + ALARM,
        HEALTHY + "\tChip ID                        : 0\n",
        "\tNPU ID                         : 0\n\tHealth                         : OK\n",
    ],
)
def test_health_asked_without_c_is_unknown_and_never_ok(text):
    with pytest.raises(Unparsable):
        npu_chip.health(text)


@pytest.mark.parametrize(
    "text", ["", HEALTHY[:35], HEALTHY[:60], HEALTHY.replace("OK", "Fine"), "Error parameter of -i\n"]
)
def test_half_of_health_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_chip.health(text)


MANY_LINES = """\
Version=20.1.0
ascendhal_version=2.1.0
aicpu_version=1.0
required_firmware_firmware_version=1.0
compatible_version=[V100R001C30],[V100R001C13]
package_version=20.1.0
"""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Version=1.72.T2.100.B020\n", "1.72.T2.100.B020"),
        (MANY_LINES, "20.1.0"),
        ("Version=1.73.T105.0.B050\r\n", "1.73.T105.0.B050"),
        ("version=8.5.T7.0.B053\n", "8.5.T7.0.B053"),
        ("version=1.0\nVersion=25.5.0\n", "25.5.0"),
    ],
)
def test_the_driver_version_is_the_line_with_a_capital(text, version):
    assert ascend.version_info(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Version=",
        "package_version=20.1.0\n",
        "Version=1.72\nVersion=1.73\n",
        "cat: version.info: Permission denied\n",
    ],
)
def test_a_version_file_without_its_version_is_unknown(text):
    with pytest.raises(Unparsable):
        ascend.version_info(text)


INSTALL = """\
UserName=HwHiAiUser
UserGroup=HwHiAiUser
Driver_Install_Type=full
Driver_Install_Path_Param=/usr/local/Ascend
"""


def test_the_install_record():
    assert ascend.install_info(INSTALL)["Driver_Install_Type"] == "full"
    assert ascend.install_info("A=1\n") == {"A": "1"}


@pytest.mark.parametrize("text", ["", INSTALL + "Driver_Inst", "cat: /etc/ascend_install.info: No such file\n"])
def test_half_an_install_record_is_unknown(text):
    with pytest.raises(Unparsable):
        ascend.install_info(text)


def test_a_link_is_up_or_down():
    assert hccn.link_is_up("link status: UP\n")
    assert not hccn.link_is_up("link status: DOWN\r\n")


def test_speed_is_in_megabits():
    assert hccn.speed("Speed: 100000 Mb/s\n") == 100_000


@pytest.mark.parametrize("word", ["Success", "Init", "Fault", "Socket fail"])
def test_net_health_keeps_its_word(word):
    assert hccn.net_health(f"net health status: {word}\n") == word


def test_an_address_has_a_network():
    found = hccn.ip("ipaddr:192.168.100.101\nnetmask:255.255.255.0\n")
    assert (found.address, str(found.network)) == ("192.168.100.101", "192.168.100.0/24")


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("tls switch[0](0:disable, 1:enable), tls alarm time threshold[60]days\n", False),
        ("dev_id:3, tls switch[1](0:disable, 1:enable), tls preconfigured[1](0:non-preset, 1:preset)\n", True),
        ("dev_id:0, tls switch[0](0:disable, 1:enable)\ndev_id:0, [pub cert] info:\n\tissuer[/C=CN]\n", False),
    ],
)
def test_the_tls_switch(text, on):
    assert hccn.tls_is_on(text) is on


@pytest.mark.parametrize("parse", [hccn.link_is_up, hccn.speed, hccn.net_health, hccn.ip, hccn.tls_is_on])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "hccn_tool is busy, please try again\n",
        "Cmd execute failed!\n",
        "link status: U",
        "link status: UP\nlink status: UP\n",
        "Speed: Unknown!\n",
        "net health status: \n",
        "ipaddr:192.168.100.101\n",
        "ipaddr:192.168.100.301\nnetmask:255.255.255.0\n",
        "tls switch[",
    ],
)
def test_hccn_tool_that_says_anything_else_is_unknown(parse, text):
    with pytest.raises(Unparsable):
        parse(text)


CONF = """\
# written by hccn_tool
address_0=192.168.100.101
netmask_0=255.255.255.0
netdetect_0=192.168.100.1
send_arp_status_0=1
address_4=192.168.100.100
netmask_4=255.255.255.0
"""


def test_the_configured_addresses_by_device():
    assert {device: one.address for device, one in hccn.conf(CONF).items()} == {
        0: "192.168.100.101",
        4: "192.168.100.100",
    }
    assert hccn.conf("") == {}


@pytest.mark.parametrize(
    "text", ["address_0=192.168.100.101\n", CONF + "address_0=10.0.0.1\n", CONF + "addr", "address_0=\0"]
)
def test_half_a_configuration_is_unknown(text):
    with pytest.raises(Unparsable):
        hccn.conf(text)


def test_two_chips_of_one_card_may_share_a_bus_id_of_two_cards_not():
    text = data("npu_smi_info_310p.txt")
    first, second = (line for line in text.splitlines() if line.startswith(("| 6 ", "| 0 ")))
    chips = npu_smi.info(text.replace(second, f"{second}\n{first}\n{second.replace('| 0', '| 1', 1)}")).chips
    assert [(chip.npu, chip.chip, chip.bus_id) for chip in chips] == [(6, 0, "0000:84:00.0"), (6, 1, "0000:84:00.0")]
    for card in (first, first.replace("| 6", "| 7", 1)):
        with pytest.raises(Unparsable, match="one twice"):
            npu_smi.info(text.replace(second, f"{second}\n{card}\n{second}"))
