"""What npu-smi tells of one card or chip: versions, work mode, fault codes, the counters of its memories."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.parse.accelerators import npu_chip
from dlws.parse.accelerators.npu_smi import Health
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"


def data(name: str) -> str:
    return (DATA / name).read_text()


ECC = data("npu_smi_ecc.txt")


def test_a_board_has_versions_and_their_verdict():
    board = npu_chip.board(data("npu_smi_board.txt"))
    assert (board.software, board.firmware, board.compatible) == ("20.2.2.spc001", "1.76.22.10.220", True)
    assert (board.bus_id, board.device_id) == ("0000:C1:00.0", "0xD801")


@pytest.mark.parametrize(
    ("word", "compatible"), [("NOK", False), ("NOT OK", False), ("NA", None), ("UNKNOWN", None), ("NOT SUPPORT", None)]
)
def test_only_ok_is_compatible(word, compatible):
    text = data("npu_smi_board.txt").replace(": OK", f": {word}")
    assert npu_chip.board(text).compatible is compatible


def test_another_word_on_compatibility_is_unknown():
    with pytest.raises(Unparsable, match="no word on compatibility: 'ERROR'"):
        npu_chip.board(data("npu_smi_board.txt").replace(": OK", ": ERROR"))


@pytest.mark.parametrize("text", ["", data("npu_smi_board.txt")[:60], data("npu_smi_board.txt") * 2])
def test_half_a_board_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_chip.board(text)


@pytest.mark.parametrize("mode", ["AMP", "SMP"])
def test_a_card_has_a_work_mode(mode):
    assert npu_chip.work_mode(f"\tNPU ID                  : 3\n\twork-mode               : {mode}\n") == mode


@pytest.mark.parametrize(
    "text", ["", "\tNPU ID : 3\n", "NPU ID : 3\nwork-mode : \n", "NPU ID : 3\nwork-mode : 2\n", "Error: -8255\n"]
)
def test_half_a_work_mode_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_chip.work_mode(text)


def test_ecc_counts_the_hbm():
    assert npu_chip.ecc(data("npu_smi_ecc.txt")) == (npu_chip.Ecc(3, 0, 17, 1, 0, 2),)


def test_ecc_of_a_version_that_counts_no_chips():
    text = "\n".join(line for line in data("npu_smi_ecc.txt").split("\n") if "Chip" not in line and "DDR" not in line)
    assert npu_chip.ecc(text) == (npu_chip.Ecc(3, 0, 17, 1, 0, 2),)


@pytest.mark.parametrize("text", ["", data("npu_smi_ecc.txt")[:500], data("npu_smi_ecc.txt").replace(": 17", ": NA")])
def test_half_of_ecc_is_unknown(text):
    with pytest.raises(Unparsable):
        npu_chip.ecc(text)


TWO_CODES = """\
\tHealth Status                  : Alarm
\tError Code                     : 80C98001 80E01801
\tError Information              :{first}

\t                               : node type=HBM
"""


@pytest.mark.parametrize("first", [" node type=AICORE", "Failed to get error information for error code : 0x80c98001"])
def test_each_fault_code_has_a_line_of_information(first):
    found = npu_chip.health(TWO_CODES.format(first=first))
    assert (found.health, found.error_codes) == (Health.ALARM, ("80C98001", "80E01801"))
    assert found.information == f"{first.strip()}; node type=HBM"


def test_codes_without_information_have_a_line_each():
    text = "Health Status : Alarm\nError Code : 80C98001 80E01801 81078603\nError Information :{0} : 0x80c98001\n"
    text += "{0} : 0x80e01801\n{0} : 0x81078603\n"
    health = npu_chip.health(text.format("Failed to get error information for error code"))
    assert health.error_codes == ("80C98001", "80E01801", "81078603")
    assert health.information.endswith("0x81078603")


def test_information_may_go_on_in_the_next_line():
    found = npu_chip.health(
        "Health Status : Alarm\nError Code : 80C98001\nError Information : node type=AICORE,\nsensor\n"
    )
    assert (found.error_codes, found.information) == (("80C98001",), "node type=AICORE, sensor")
    with pytest.raises(Unparsable):
        npu_chip.health("Health Status : Alarm\nError Code : 80C98001\nsensor\nError Information : x\n")


def test_information_of_nothing_is_unknown():
    with pytest.raises(Unparsable):
        npu_chip.health("\tHealth Status : OK\n" + TWO_CODES.format(first="").replace("Error Code", ": Error Code"))


def test_a_code_without_leading_zeros_is_one():
    text = "Health Status : Critical\nError Code : 5301\nError Information : x\n"
    assert npu_chip.health(text).error_codes == ("5301",)


def test_the_counters_of_both_memories_are_added():
    text = ECC.replace("DDR Double Bit Error Count               : 0", "DDR Double Bit Error Count : 2")
    (both,) = npu_chip.ecc(text)
    assert (both.single, both.double, both.double_pages) == (3, 2, 2)
    absent = "".join(f"{line.partition(':')[0]}: NA\n" if "DDR" in line else line + "\n" for line in text.splitlines())
    assert npu_chip.ecc(absent)[0].double == 0


def test_a_310p_has_ddr_alone():
    rows = [line for line in ECC.splitlines() if "HBM" not in line]
    (ddr,) = npu_chip.ecc(
        "\n".join(rows).replace("DDR Double Bit Error Count               : 0", "DDR Double Bit Error Count : 3")
    )
    assert (ddr.double, ddr.single) == (3, 0)
    with pytest.raises(Unparsable, match="no ddr double bit isolated"):
        npu_chip.ecc("\n".join(line for line in rows if "Double Bit Isolated" not in line))


def test_a_310_counts_what_came_since_power_on():
    text = "\tNPU ID : 1\n\tChip Count : 2\n\n"
    chip = "\tSingle-bit Error Count : {}\n\tDouble-bit Error Count : {}\n\tChip ID : {}\n\n"
    assert npu_chip.ecc(text + chip.format(4, 0, 0) + chip.format(0, 2, 1)) == (
        npu_chip.Ecc(4, 0, 0, 0, 0, 0),
        npu_chip.Ecc(0, 2, 0, 0, 0, 0),
    )
    for half in (chip.format("NA", 0, 1), "\tSingle-bit Error Count : 0\n"):
        with pytest.raises(Unparsable):
            npu_chip.ecc(text + chip.format(0, 0, 0) + half)


def test_each_chip_of_a_card_has_counters():
    one = ECC.partition("\n\n")
    text = one[0].replace("Chip Count                               : 1", "Chip Count : 2")
    assert len(npu_chip.ecc(f"{text}\n\n{one[2]}\n{one[2]}")) == 2
    with pytest.raises(Unparsable, match="1 chips where"):
        npu_chip.ecc(f"{text}\n\n{one[2]}")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Faulty Chip Count              : 2", 2),
        ("Chip Fault                     : 1", 1),
        ("Chip Fault                     : 0", 0),
        ("Faulty Chip Count              : NA", 0),
        ("Chip Count                     : 4", 0),
    ],
)
def test_a_card_counts_its_faulty_chips(line: str, count: int) -> None:
    assert npu_chip.faulty_chips(f"\tNPU ID : 3\n\t{line}\n") == count


@pytest.mark.parametrize(
    ("lists", "narrowed"),
    [
        ("[1111  0111  0000  1111  ]", {1: 3}),
        ("[1111  0000  0000  1111  ]", {1: 0}),
        ("[1111  1111  0000  1111  ]", {}),
        ("[1111  ]", {}),
        ("[2  4  ]", {}),
    ],
)
def test_a_link_has_the_lanes_that_it_sends_by(lists: str, narrowed: dict[int, int]) -> None:
    text = f"\thccs health status : OK\n\thccs lane mode : [4 4 0 4 ]\n\thccs link lane list : {lists}\n"
    assert npu_chip.hccs(text).narrowed == narrowed


HCCS = "\thccs health status : OK\n\thccs lane mode : [4 4 ]\n"


def test_links_between_chips_are_sound_or_not() -> None:
    assert npu_chip.hccs(HCCS) == npu_chip.Hccs(True, (4, 4), (4, 4))
    assert npu_chip.hccs("Note: one chip\nno pair\n" + HCCS.replace("OK", "NOK")) == npu_chip.Hccs(
        False, (4, 4), (4, 4)
    )
    for lists in ("[]", "[1111 0111 ] x"):
        assert npu_chip.hccs(f"{HCCS}\thccs link lane list : {lists}\n").used == (4, 4)


@pytest.mark.parametrize(
    "text",
    ["", HCCS.replace("OK", "OK x"), HCCS.replace("[4 4 ]", "[]"), HCCS.replace("[4 4 ]", "[4 4 ] x"), HCCS + HCCS],
)
def test_links_between_chips_with_a_doubt_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable, match="no health, or no lane mode"):
        npu_chip.hccs(text)
