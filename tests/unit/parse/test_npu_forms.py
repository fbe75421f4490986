"""The forms of npu-smi's answers that its versions differ in, and answers that are cut off or have more in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlws.parse.accelerators import npu_chip, npu_smi
from dlws.parse.accelerators.npu_chip import Common, Ecc
from dlws.parse.accelerators.npu_smi import ChipNumbers, Health
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
WARNING = "[WARNING] npu-smi: the version of the driver differs from that of the tool\n"
BORDER = "+----------------------+---------------+----------------------------------------------+\n"


def data(name: str) -> str:
    return (DATA / name).read_text()


OLD = data("npu_smi_info_20.2.txt")
ECC = data("npu_smi_ecc.txt")
FIRST = "| 0     910A           | OK            | 66.6       36                                |\n"


def test_a_table_of_an_a3_has_the_physical_id_of_each_chip() -> None:
    """As npu-smi 25.2 prints it for an Atlas 800 A3."""
    text = """\
+------------------------------------------------------------------------------------------------+
| npu-smi 25.2.0                   Version: 25.2.0                                               |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip  Phy-ID              | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     Ascend910           | OK            | 166.3       37                0    / 0             |
| 0     0                   | 0000:9D:00.0  | 0           0    / 0          3105 / 65536         |
+---------------------------+---------------+----------------------------------------------------+
| 0     Ascend910           | OK            | -           36                0    / 0             |
| 1     1                   | 0000:9F:00.0  | 0           0    / 0          2887 / 65536         |
+===========================+===============+====================================================+
+---------------------------+---------------+----------------------------------------------------+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
"""
    chips = npu_smi.info(text).chips
    assert [(chip.npu, chip.chip, chip.power, chip.hbm_used) for chip in chips] == [
        (0, 0, 166.3, 3105),
        (0, 1, None, 2887),
    ]


@pytest.mark.parametrize(
    ("row", "power", "temperature"),
    [
        ("66", 66.0, 36),
        ("66.", 66.0, 36),
        ("NA", None, 36),
        ("-", None, 36),
        ("66.6       NA", 66.6, None),
        ("66.6       -", 66.6, None),
    ],
)
def test_a_power_and_a_temperature_are_numbers_or_not_told(
    row: str, power: float | None, temperature: int | None
) -> None:
    told = FIRST.replace("66.6       36" if " " in row else "66.6", row)
    chip = npu_smi.info(OLD.replace(FIRST, told)).chips[0]
    assert (chip.power, chip.temperature) == (power, temperature)


def test_a_chip_that_is_on_no_pci_bus_has_no_bus_id() -> None:
    """An Ascend 310 that is its board's own processor (`NA`): such chips are not told apart by a bus."""
    chips = npu_smi.info(re.sub(r"0000:[0-9A-F]{2}:[0-9A-F]{2}\.0", "NA          ", OLD)).chips
    assert {chip.bus_id for chip in chips} == {"NA"}
    assert len(chips) == len(npu_smi.info(OLD).chips) > 1


@pytest.mark.parametrize("name", ["X", "A2", "310", "910B3", "Ascend 910"])
def test_a_chip_has_the_name_that_the_tool_gives_it(name: str) -> None:
    assert npu_smi.info(OLD.replace("910A      ", f"{name:<10}", 1)).chips[0].name == name


def test_a_warning_of_the_tool_hides_no_chip() -> None:
    assert npu_smi.info(OLD.replace(FIRST, WARNING + FIRST)) == npu_smi.info(OLD)
    for text in (data("npu_smi_info_m.txt"), data("npu_smi_info_m_phy.txt")):
        assert npu_smi.mapping(text + WARNING) == npu_smi.mapping(text)
    assert npu_chip.common(WARNING + data("npu_smi_common.txt") + WARNING) == npu_chip.common(
        data("npu_smi_common.txt")
    )
    assert npu_chip.ecc(data("npu_smi_ecc.txt") + WARNING) == npu_chip.ecc(data("npu_smi_ecc.txt"))


@pytest.mark.parametrize("version", ["22.0.4", "1.8.21"])
def test_a_tool_before_23_lists_no_processes(version: str) -> None:
    assert npu_smi.info(OLD.replace("1.8.21", version)).tool == version


@pytest.mark.parametrize("version", ["23.0.rc1", "100.0"])
def test_a_tool_since_23_must_list_them(version: str) -> None:
    with pytest.raises(Unparsable, match="cut off"):
        npu_smi.info(OLD.replace("1.8.21", version))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD[OLD.rindex("+") - 20 :], "+--\n"),
        (FIRST, ""),
        ("| 66.6", "| warm"),
        (" 36  ", " 36 C"),
        ("20.2.2.spc001                         |", "20.2.2.spc001                         | x"),
        ("0000:C1:00.0", "0000:C1:00.0 x"),
    ],
)
def test_a_table_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert old in OLD
    with pytest.raises(Unparsable):
        npu_smi.info(
            OLD.replace(old, new, 1) if old != OLD[OLD.rindex("+") - 20 :] else OLD[: OLD.rindex("+") - 20] + new
        )


ROWS = OLD.splitlines(keepends=True)


@pytest.mark.parametrize(
    "rows",
    [
        *(ROWS[:end] for end in (2, 3, 5, 6)),
        ROWS[:-1],
        [*ROWS[:-1], ROWS[-1][:-1] + " x\n"],
        [*ROWS[:8], ROWS[8][:-1] + " x\n", *ROWS[9:]],
        [*ROWS[:-2], ROWS[-1]],
        [row.replace("36                                |", "36                                | x") for row in ROWS],
        [row.replace("0    / 32768    |", "0    / 32768    | x") for row in ROWS],
    ],
    ids=range(10),
)
def test_a_table_that_lacks_a_row_or_has_more_in_one_is_unknown(rows: list[str]) -> None:
    with pytest.raises(Unparsable):
        npu_smi.info("".join(rows))


LIST = data("npu_smi_info_l.txt")


@pytest.mark.parametrize("word", ["Total", "Card", "NPU"])
def test_the_cards_are_counted_in_the_words_of_the_version(word: str) -> None:
    assert len(npu_smi.cards(LIST.replace("Total Count", f"{word} Count"))) == 8


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (": 8\n", ": 8 cards\n"),
        ("NPU ID                         : 1", "NPU ID : 0"),
        (": 8\n", ": 7\n"),
        (": 8\n", ": 8\nNPU ID : 8 : gone\n"),
    ],
)
def test_a_list_with_a_doubt_is_unknown(old: str, new: str) -> None:
    with pytest.raises(Unparsable):
        npu_smi.cards(LIST.replace(old, new))


MAPPING = "NPU ID  Chip ID  Chip Logic ID  Chip Phy-ID  Chip Name\n0  0  0  -  Ascend 910B\n"


def test_a_chip_may_have_no_physical_id() -> None:
    assert npu_smi.mapping(MAPPING) == (ChipNumbers(0, 0, 0, None, "Ascend 910B"),)


@pytest.mark.parametrize(
    "text",
    [
        MAPPING.replace("Chip Name", "Chip Name  State"),
        MAPPING + "0  1  x  -  Mcu\n",
        MAPPING + "x  0  1  1  1  Ascend 910B\n",
    ],
)
def test_a_mapping_of_another_form_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        npu_smi.mapping(text)


COMMON = data("npu_smi_common.txt")


def test_common_tells_all_that_a_chip_reports() -> None:
    text = COMMON
    for old, new in (
        ("Memory Usage Rate(%)           : 6", "Memory Usage Rate(%) : 61"),
        ("Aicore curFreq(MHZ)            : 900", "Aicore curFreq(MHZ) : 880"),
        ("Aicore Usage Rate(%)           : 0", "Aicore Usage Rate(%) : 97"),
        ("HBM Usage Rate(%)              : 0", "HBM Usage Rate(%) : 5"),
    ):
        text = text.replace(old, new)
    assert npu_chip.common(f"Welcome: atlas01\n{text}") == (Common(0, 61, 5, 97, 900, 880, 41, 71.7),)


@pytest.mark.parametrize("word", ["NA", "N/A"])
def test_a_rate_that_is_not_there_is_none(word: str) -> None:
    (chip,) = npu_chip.common(COMMON.replace("Aicore Usage Rate(%)           : 0", f"Aicore Usage Rate(%) : {word}"))
    assert chip.aicore_percent is None


@pytest.mark.parametrize(("written", "power"), [("NA", None), ("71", 71.0), ("71.25", 71.25)])
def test_the_power_of_a_chip(written: str, power: float | None) -> None:
    assert npu_chip.common(COMMON.replace("71.7", written, 1))[0].power == power


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("71.7", "71.7 W"),
        ("\tChip Count                     : 1\n", ""),
        ("Temperature(C)                 : 41", "Temperature(C) : NA"),
        ("\tAicore Count                   : 30\n", "\tTemperature(C) : 40\n"),
        ("\tChip Name                      : mcu\n", "\tChip ID : 1\n"),
    ],
)
def test_common_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert old in COMMON
    with pytest.raises(Unparsable):
        npu_chip.common(COMMON.replace(old, new, 1))


CODES = "Health : Alarm\nError Code : {}\nError Information : x\n"


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("80C98001", ("80C98001",)),
        ("80c98001 80E01801", ("80C98001", "80E01801")),
        ("80C98001,80E01801", ("80C98001", "80E01801")),
        ("80C98001\t80E01801", ("80C98001", "80E01801")),
        ("NA", ()),
    ],
)
def test_the_fault_codes_of_a_chip(written: str, codes: tuple[str, ...]) -> None:
    found = npu_chip.health(CODES.format(written))
    assert (found.health, found.error_codes) == (Health.ALARM, codes)


@pytest.mark.parametrize("written", ["80C9800180E01801", "NA, 80C98001", "80C98001;", "530", "none"])
def test_what_is_no_fault_code_is_unknown(written: str) -> None:
    with pytest.raises(Unparsable, match="no Error Code"):
        npu_chip.health(CODES.format(written))


@pytest.mark.parametrize("banner", ["Welcome to atlas01\n", "For help: ask\n"])
def test_a_banner_before_the_answer_is_passed_over(banner: str) -> None:
    assert npu_chip.health(banner + CODES.format("NA")).error_codes == ()
    assert npu_chip.ecc(banner + ECC) == npu_chip.ecc(ECC)


@pytest.mark.parametrize("key", ["NPU ID", "Chip ID", "Chip Name", "Chip Count"])
def test_a_health_with_numbers_is_that_of_the_card(key: str) -> None:
    with pytest.raises(Unparsable, match="not about one chip"):
        npu_chip.health(f"{CODES.format('NA')}{key} : 0\n")


BOARD = data("npu_smi_board.txt")


def test_a_board_of_an_old_tool_has_no_word_on_compatibility() -> None:
    board = npu_chip.board(BOARD.replace("\tCompatibility                  : OK\n", "\tSerial Number : 033A\n"))
    assert (board.compatible, board.serial) == (None, "033A")


@pytest.mark.parametrize("key", ["Software Version", "Firmware Version"])
def test_a_board_without_a_version_is_unknown(key: str) -> None:
    for other in ("", f"\t{key} : \n"):
        text = "".join(other if key in line else line for line in BOARD.splitlines(keepends=True))
        with pytest.raises(Unparsable, match="no one card's versions"):
            npu_chip.board(text)


HBM = [line for line in ECC.splitlines() if "HBM" in line]


def test_each_counter_has_its_place() -> None:
    rows = [f"{line.partition(':')[0]}: {number}" for number, line in enumerate(HBM, 1)]
    assert npu_chip.ecc("\n".join(["NPU ID : 1", "Chip Count : 1", *rows, "Chip ID : 0"])) == (Ecc(1, 2, 3, 4, 5, 6),)


@pytest.mark.parametrize("line", HBM)
def test_a_chip_without_one_of_its_counters_is_unknown(line: str) -> None:
    with pytest.raises(Unparsable):
        npu_chip.ecc(ECC.replace(f"{line}\n", ""))


def test_a_memory_of_which_nothing_is_told_is_not_there() -> None:
    rows = [line for line in ECC.splitlines() if "DDR Single Bit Error" not in line]
    absent = "\n".join(f"{line.partition(':')[0]}: NA" if "DDR" in line else line for line in rows)
    assert npu_chip.ecc(absent) == npu_chip.ecc(ECC)
    with pytest.raises(Unparsable, match="no hbm"):
        npu_chip.ecc("\n".join(line for line in absent.splitlines() if "HBM" not in line))


@pytest.mark.parametrize("text", [f"{ECC}and more\n", "NPU ID : 1\nChip Count : 1\n", "NPU ID : 1\nChip ID : 0\n"])
def test_ecc_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        npu_chip.ecc(text)


def test_a_card_has_one_work_mode() -> None:
    with pytest.raises(Unparsable):
        npu_chip.work_mode("NPU ID : 3\nwork-mode : AMP\nwork-mode : SMP\n")
