"""Lines of a GPU host's kernel log that nearly say something else: whose words a process chose, or that are cut."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import nvidia_log, nvidia_models
from dlws.verdict import Unparsable

XID = "NVRM: Xid (PCI:0000:06:00): {}\n"


def graves(line: str) -> list[str]:
    return [error.words for error in nvidia_log.errors(line).grave]


@pytest.mark.parametrize(
    "rest",
    [
        "144, pid=7, name=Fatal, SOME_UNIT Nonfatal XC0",
        "144, pid=Fatal, Nonfatal XC0",
        "144, pid=, name=Fatal, Nonfatal XC0",
        "144, SOME_UNIT Nonfatal XC0, not Fatal",
    ],
)
def test_a_process_that_is_called_fatal_grades_no_error(rest: str) -> None:
    found = nvidia_log.errors(XID.format(rest))
    assert (found.grave, found.unread) == ((), ())


@pytest.mark.parametrize("rest", ["144, SOME_UNIT Fatal, pid=7, name=a, XC0", "147, pid=7, Fatal XC0", "173, Fatal"])
def test_the_word_of_the_driver_grades_it_wherever_it_is(rest: str) -> None:
    assert graves(XID.format(rest)) == [f"{rest[:3]} on 0000:06:00"]


@pytest.mark.parametrize(
    "line",
    [
        XID.format("144, SOME_UNIT Fatality"),
        XID.format("144, SOME_UNIT"),
        XID.format("154, GPU recovery action changed from 0x0 (None) to 0x1 ()"),
        XID.format("154, GPU recovery action changed from 0x0 (None) to 0x (GPU Reset Required)"),
        XID.format("154, GPU recovery action changed"),
        "nvidia-nvswitch0: SXid 19084\n",
        "nvidia-nvswitch0: SXid (PCI:0000:06:00.0): 19084, Link 08\n",
        "NVRM: Xid\n",
    ],
)
def test_an_error_that_nobody_can_grade_is_unread(line: str) -> None:
    found = nvidia_log.errors(line)
    assert (found.grave, found.unread) == ((), (line.strip(),))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("NVRM: GPU at PCI:0000:06:00: GPU has fallen off the bus.", ["fallen off the bus: 0000:06:00"]),
        (
            "NVRM: The GPU 0000:06:00.0 (PCI ID: 10de:1db5) NVRM: fallen off the bus",
            ["fallen off the bus: 0000:06:00.0"],
        ),
        ("NVRM: GPU 0000:06:00.0: has been found", []),
        ("pcieport 0000:05:00.0: a device has fallen off the bus", []),
    ],
)
def test_a_card_that_fell_off_the_bus_is_named(line: str, words: list[str]) -> None:
    assert graves(line) == words
    assert {error.number for error in nvidia_log.errors(line).grave} <= {79}


def test_only_an_xid_154_tells_what_is_needed() -> None:
    assert graves(XID.format("79, pid=7, name=x to 0x0 (None), GPU lost")) == ["79 on 0000:06:00"]


SXID = "nvidia-nvswitch3: SXid (PCI:0000:c4:00.0): {}\n"


@pytest.mark.parametrize("number", sorted(nvidia_log.SWITCH_FAULTS))
def test_a_switch_that_is_down_is_a_finding_without_a_word_for_it(number: int) -> None:
    assert graves(SXID.format(f"{number}, in its words")) == [f"SXid {number} on 0000:c4:00.0"]


@pytest.mark.parametrize(("start", "end"), sorted(nvidia_log.SWITCH_HEAT.items()))
def test_a_hot_switch_is_a_finding_until_it_is_cool(start: int, end: int) -> None:
    hot, cool = SXID.format(f"{start}, hot"), SXID.format(f"{end}, cool")
    told = [f"SXid {start} on 0000:c4:00.0"]
    assert [graves(text) for text in (hot, hot * 2, cool + hot, hot + cool, cool)] == [told, told, told, [], []]
    assert nvidia_log.errors(cool + hot).unread == ()
    assert graves(SXID.format(f"{start}, PMGR OVERT Threshold reached. Shutting Down") + cool) == told


@pytest.mark.parametrize(
    "rest", ["22013, Correctable, Link 41 x (First)", "12028, Data {0x0, 0x1}", "10003, Non-fatal"]
)
def test_what_a_switch_repairs_is_no_finding(rest: str) -> None:
    found = nvidia_log.errors(SXID.format(rest))
    assert (found.grave, found.unread) == ((), ())


@pytest.mark.parametrize(
    "rest",
    ["26003, Failed to post command to SOE.", "27005, Module 3 faulty", "10001, Correctable", "9, Shutting Down"],
)
def test_a_switch_that_says_neither_is_unread(rest: str) -> None:
    found = nvidia_log.errors(SXID.format(rest))
    assert (found.grave, found.unread) == ((), (SXID.format(rest).strip(),))


@pytest.mark.parametrize("number", [143, 151, 172])
def test_the_catalogue_grades_what_is_no_error_of_nvlink(number: int) -> None:
    assert graves(XID.format(f"{number}, Nonfatal")) == [f"{number} on 0000:06:00"]


def test_the_failed_link_to_the_cpu_is_one_without_a_word() -> None:
    assert graves(XID.format("173, pid=7, name=a, C2C link")) == ["173 on 0000:06:00"]
    assert graves(XID.format("173, Nonfatal")) == []


@pytest.mark.parametrize("action", ["None", "GPU Reset Required"])
def test_the_grave_errors_come_before_what_they_need(action: str) -> None:
    text = XID.format(f"154, GPU recovery action changed from 0x0 (None) to 0x1 ({action})") + XID.format(
        "79, GPU lost"
    )
    needed = [] if action == "None" else [f"154 on 0000:06:00: {action}"]
    assert graves(text) == ["79 on 0000:06:00", *needed]


@pytest.mark.parametrize("line", ["[ 12.345678]", "[ 12.345678]x", "[12.3456789] x", "[12] x"])
def test_half_a_time_since_the_boot_is_unknown(line: str) -> None:
    with pytest.raises(Unparsable):
        nvidia_log.begins(f"{line}\n")


@pytest.mark.parametrize("name", ["NVIDIA L4000", "H200 NVL 2", "NVIDIA R900 SXMX", "NVIDIA R900 XSXM8", "NVIDIA", ""])
def test_a_name_that_only_begins_as_a_known_one_is_unknown(name: str) -> None:
    assert nvidia_models.by_name(name) is None


@pytest.mark.parametrize("name", ["Tesla R900 SXM", "NVIDIA Tesla R900-SXM9"])
def test_a_module_with_or_without_a_number_is_one(name: str) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert model.form is nvidia_models.Form.SXM


@pytest.mark.parametrize(
    "name", ["NVIDIA A100-PCIE-40GB", "NVIDIA A800 80GB PCIe", "NVIDIA H100 NVL", "NVIDIA H800 PCIe"]
)
def test_one_to_three_bridges_have_four_links_each(name: str) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert model.bridged == {4, 8, 12}
