"""The forms of NVIDIA's answers that drivers differ in, and answers that are cut off or have more in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.parse.accelerators import (
    nccl_tests,
    nvbandwidth,
    nvidia_driver,
    nvidia_smi,
    nvidia_temperature,
    nvidia_topology,
    nvlink,
)
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
CARD = "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-0a1b2c3d-4e5f)\n"


SUMMARY = """\
  1073741824     268435456     float     sum      -1   4027.3  266.61  466.57      0   4029.1  266.50  466.37      0
# Out of bounds values : 0 OK
# Avg bus bandwidth    : {}
"""


@pytest.mark.parametrize(
    ("written", "bus"),
    [("443", 443.0), ("443.2 OK", 443.2), ("1e3", 1000.0), ("1.5e-2 FAILED", 0.015), ("2e+02", 200.0)],
)
def test_an_average_in_each_of_its_forms(written: str, bus: float) -> None:
    assert nccl_tests.all_reduce(SUMMARY.format(written)).bus == bus


@pytest.mark.parametrize("written", ["443.", ".5", "1e", "1e+", "443.2 GB/s", "inf"])
def test_what_is_no_average_is_unknown(written: str) -> None:
    with pytest.raises(Unparsable):
        nccl_tests.all_reduce(SUMMARY.format(written))


@pytest.mark.parametrize("odd", [SUMMARY * 2, SUMMARY.replace("0 OK", "0 OK?"), SUMMARY.replace("268435456", "", 1)])
def test_a_summary_with_a_doubt_is_unknown(odd: str) -> None:
    with pytest.raises(Unparsable):
        nccl_tests.all_reduce(odd.format(443, 443))


COPIES = """\
memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)
           0         1
 0     25.32     12.36
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(GB/s)", "(GB/s) x"),
        ("12.36", "12."),
        ("12.36", ".36"),
        ("12.36", "12.36?"),
        ("25.32", "N/A"),
        ("         1\n", "         2\n"),
        (" 0     25.32", " 1     25.32"),
        (" 0     25.32     12.36\n", ""),
        ("           0         1\n 0     25.32     12.36\n", ""),
    ],
)
def test_a_table_of_copies_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert nvbandwidth.per_gpu(COPIES) == {0: 25.32, 1: 12.36}
    with pytest.raises(Unparsable):
        nvbandwidth.per_gpu(COPIES.replace(old, new))


def test_a_module_tells_its_version_within_its_line() -> None:
    line = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.64"
    assert nvidia_driver.loaded(line) == nvidia_driver.loaded(f"{line}  Fri Feb 21") == "440.64"
    for odd in (f"{line}-beta", f"{line}\n{line}\n"):
        with pytest.raises(Unparsable):
            nvidia_driver.loaded(odd)
    with pytest.raises(Unparsable):
        nvidia_driver.fabric_manager("Fabric Manager version is : 610.57.04-beta\n")


FORMS = {
    "index": ("15", "-1"),
    "uuid": ("GPU-0a1b2c3d-4e5f", "MIG-0a1b2c3d"),
    "gpu_uuid": ("GPU-0a1b2c3d-4e5f", "0a1b2c3d"),
    "driver_version": ("535.104.05", "535"),
    "pci.bus_id": ("00000000:1A:00.0", "1A:00.0"),
    "memory.total": ("32510", "32510 MiB"),
    "memory.used": ("0", "0 MiB"),
    "utilization.gpu": ("100", "100 %"),
    "temperature.gpu": ("41", "41 C"),
    "power.limit": ("300.00", "300.00 W"),
    "power.default_limit": ("300", "300 W"),
    "persistence_mode": ("Enabled", "On"),
    "ecc.mode.current": ("Disabled", "Off"),
    "mig.mode.current": ("Disabled", "0x0"),
    "ecc.errors.corrected.volatile.total": ("0", "none"),
    "ecc.errors.uncorrected.volatile.total": ("0", "none"),
    "ecc.errors.uncorrected.aggregate.total": ("0", "none"),
    "retired_pages.single_bit_ecc.count": ("0", "none"),
    "retired_pages.double_bit.count": ("0", "none"),
    "retired_pages.pending": ("No", "None"),
    "remapped_rows.uncorrectable": ("0", "none"),
    "remapped_rows.pending": ("1", "2"),
    "remapped_rows.failure": ("0", "Yes?"),
    "pcie.link.width.current": ("16", "x16"),
    "pcie.link.width.max": ("16", "x16"),
    "clocks_throttle_reasons.active": ("0x0000000000000004", "4"),
    "clocks_event_reasons.active": ("0x0", "Not Active"),
}


@pytest.mark.parametrize(("field", "values"), FORMS.items())
def test_a_field_has_its_form_or_the_answer_is_unknown(field: str, values: tuple[str, str]) -> None:
    good, bad = values
    assert nvidia_smi.query(f"0, {good}\n", ["index", field])[0][field] == good
    with pytest.raises(Unparsable):
        nvidia_smi.query(f"0, {bad}\n", ["index", field])


def test_every_field_with_a_form_is_tried() -> None:
    assert set(FORMS) == set(nvidia_smi._FORMS)


@pytest.mark.parametrize("answer", ["Yes", "No", "0", "1"])
def test_an_answer_is_a_word_or_a_digit(answer: str) -> None:
    assert nvidia_smi.query(f"0, {answer}\n", ["index", "remapped_rows.pending"])[0]["remapped_rows.pending"] == answer


@pytest.mark.parametrize(
    "mark",
    [
        "ERR!",
        "Unknown Error",
        "GPU is lost",
        "Insufficient Permissions",
        "GPU requires reset",
        "[Unknown Error]",
        "[Driver/Library Mismatch]",
    ],
)
def test_a_mark_of_a_field_that_could_not_be_read(mark: str) -> None:
    (card,) = nvidia_smi.query(f"0, {mark}\n", ["index", "memory.used"])
    assert isinstance(card["memory.used"], nvidia_smi.Unreadable)
    assert nvidia_smi.unreadable(f"0, {mark}\n") == [f"GPU 0: {mark}"]
    with pytest.raises(Unparsable):
        nvidia_smi.query(f"{mark}, 0\n", ["index", "memory.used"])


def test_what_a_card_does_not_have_is_not_unreadable() -> None:
    assert nvidia_smi.unreadable("0, [N/A]\n") == []
    assert nvidia_smi.query("0, N/A-1\n", ["index", "name"])[0]["name"] == "N/A-1"
    with pytest.raises(Unparsable):
        nvidia_smi.query("0, \n", ["index", "name"])


def test_a_warning_with_more_in_it_is_no_warning() -> None:
    with pytest.raises(Unparsable):
        nvidia_smi.query("WARNING: infoROM is corrupted at gpu 0000:8A:00.0 and lost\n0, a\n", ["index", "name"])


def test_a_lost_card_is_unreadable_in_its_own_words() -> None:
    line = "Unable to determine the device handle for GPU 1: Unknown Error"
    assert nvidia_smi.unreadable(f"0, OK\n{line}\n") == nvidia_smi.lost(f"0, OK\n{line}\n") == [line]


FAILED = [
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the driver",
    "Failed to initialize NVML: Driver/library version mismatch",
    "No devices were found",
    "No devices found.",
]


@pytest.mark.parametrize("line", FAILED)
def test_a_tool_that_has_failed_says_so_in_a_line_of_its_own(line: str) -> None:
    assert nvidia_smi.failures(f"x\n{line}\n") == [line]
    assert nvidia_smi.failures(f"0, {line}\n") == []
    assert nvidia_smi.failures(f"{line[:16]}x\n") == []
    assert nvidia_smi.has_no_devices(f"x\n{line}\n") is line.startswith("No")


@pytest.mark.parametrize("line", ["No devices were found", "No devices found."])
def test_a_host_without_a_card_has_no_row(line: str) -> None:
    assert nvidia_smi.query(f"{line}\n", ["uuid"]) == ()
    assert nvidia_smi.listed(f"{line}\n") == ()
    with pytest.raises(Unparsable):
        nvidia_smi.query(f"{line}\n{line}\n", ["uuid"])


GPU = "0, Tesla V100, GPU-5c8b2f4e-0c1d, 0323918012345, 440.33.01, 00000000:1A:00.0, 32510\n"


@pytest.mark.parametrize("value", ["Tesla V100", "GPU-5c8b2f4e-0c1d", "440.33.01", "00000000:1A:00.0", "32510"])
def test_a_card_lacks_nothing_but_its_serial_number(value: str) -> None:
    assert nvidia_smi.gpus(GPU.replace("0323918012345", "[N/A]"))[0].serial is None
    for absent in ("[N/A]", "[Unknown Error]"):
        with pytest.raises(Unparsable):
            nvidia_smi.gpus(GPU.replace(value, absent))


def test_a_serial_number_that_could_not_be_read_is_unknown() -> None:
    with pytest.raises(Unparsable):
        nvidia_smi.gpus(GPU.replace("0323918012345", "[Unknown Error]"))


@pytest.mark.parametrize(
    "more",
    [
        "  MIG 1g.5gb Device 0: (UUID: MIG-9d3a1c2b) x\n",
        "GPU 1: x  MIG y: (UUID: MIG-9d3a1c2b)\n",
        CARD[:-1].replace("GPU 0", "GPU 1") + "x\n",
    ],
)
def test_a_list_with_a_doubt_is_unknown(more: str) -> None:
    with pytest.raises(Unparsable, match="nvidia-smi -L"):
        nvidia_smi.listed(CARD + more)


TABLE = (DATA / "nvidia_smi_440.txt").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("|\n", "| x\n"),
        ("\n|=", "\nGPU is lost\n|="),
        ("10.2", "ten"),
        ("Driver Version: 440.33.01", "Driver Version: none"),
    ],
)
def test_a_table_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert old in TABLE
    with pytest.raises(Unparsable):
        nvidia_smi.table(TABLE.replace(old, new, 1))


VOLTA = """\
Timestamp                           : Thu Nov 26 08:00:00 2026
Attached GPUs                       : 1
GPU 00000000:06:00.0
    Temperature
        GPU Current Temp            : 33 C
        GPU Slowdown Temp           : 87 C
"""
HOPPER = """\
Attached GPUs                       : 1
GPU 00000000:06:00.0
        GPU Current Temp            : 31 C
        GPU T.Limit Temp            : 56 C
        GPU Slowdown Temp           : [N/A]
        GPU Slowdown T.Limit Temp   : -2 C
"""


@pytest.mark.parametrize(("text", "margin"), [(VOLTA, 54), (HOPPER, 58)])
def test_the_margin_of_a_card_by_its_driver(text: str, margin: int) -> None:
    assert [card.margin for card in nvidia_temperature.parse(text)] == [margin]


@pytest.mark.parametrize("text", [VOLTA, HOPPER])
@pytest.mark.parametrize("value", ["33 C", "31 C", "87 C", "56 C", "-2 C"])
@pytest.mark.parametrize("other", ["N/A", "33 Celsius", "ERR!"])
def test_a_card_that_lacks_one_of_its_temperatures_is_unknown(text: str, value: str, other: str) -> None:
    if value in text:
        with pytest.raises(Unparsable):
            nvidia_temperature.parse(text.replace(value, other))


@pytest.mark.parametrize(
    ("old", "new"),
    [(": 1\n", ": 2\n"), ("06:00.0\n", "06:00.0 lost\n"), (VOLTA[-20:], VOLTA[-20:] + VOLTA[VOLTA.index("GPU 0") :])],
)
def test_the_tools_count_of_cards_counts(old: str, new: str) -> None:
    with pytest.raises(Unparsable):
        nvidia_temperature.parse(VOLTA.replace(old, new))


def test_the_first_row_of_a_name_counts() -> None:
    assert nvidia_temperature.parse(f"{VOLTA}GPU Current Temp : 1 C\n")[0].now == 33
    for text in (
        "Attached GPUs : 0\n",
        VOLTA.replace("        GPU Slow", "GPU Slowdown Temp : 90 C : 91 C\n        GPU Slow"),
    ):
        with pytest.raises(Unparsable):
            nvidia_temperature.parse(text)


MATRIX = "\tGPU0\tGPU1\tNIC0\tCPU Affinity\nGPU0\t X \tNV2\tPIX\t0-19\nGPU1\tNV2\t X \tSYS\t0-19\nNIC0\tPIX\tSYS\t X \n"


@pytest.mark.parametrize("way", ["NV1", "NV18", "SYS", "NODE", "PHB", "PXB", "PIX", "PSB", "SOC"])
def test_the_ways_between_two_gpus(way: str) -> None:
    assert nvidia_topology.parse(MATRIX.replace("NV2", way)) == {"GPU0": {"GPU1": way}, "GPU1": {"GPU0": way}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NV2", "NV2?"),
        ("GPU1\tNV2\t X ", "GPU1\tNV2\tNV2"),
        ("GPU1\tNV2", "GPU2\tNV2"),
        ("GPU1\tNIC0\tCPU", "GPU1\tGPU2\tCPU"),
    ],
)
def test_a_matrix_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert old in MATRIX
    with pytest.raises(Unparsable):
        nvidia_topology.parse(MATRIX.replace(old, new))


def test_a_column_and_a_row_about_a_gpu_are_none_of_them() -> None:
    assert nvidia_topology.parse(f"Welcome to atlas-gpu01\n{MATRIX}") == nvidia_topology.parse(MATRIX)
    text = MATRIX.replace("CPU Affinity", "GPU0 Affinity\tCPU Affinity") + "GPU1 Affinity\t0\t0\n"
    assert nvidia_topology.parse(text) == nvidia_topology.parse(MATRIX)
    with pytest.raises(Unparsable):
        nvidia_topology.parse(MATRIX + "GPU1\tNV2\t X \n")


DOWN = "\tUnable to retrieve NVLink information as all links are inactive\n"


def test_links_of_several_drivers() -> None:
    assert nvlink.parse(CARD + "\t Link 0: 25.781 GB/s\n\t Link 1: 26 GB/s\n") == {0: (25.781, 26.0)}
    for words in ("NVML: ", "NVML:", ""):
        assert nvlink.parse(CARD + DOWN.replace("\t", f"\t{words}").replace("inactive", "inactive.")) == {0: (None,)}


@pytest.mark.parametrize(
    ("words", "links"),
    [
        ("Device does not have or support Nvlink", ()),
        ("\tDevice does not have or support NVLink.", ()),
        ("Nvlink queries are not supported for Devices in MIG mode", None),
    ],
)
def test_a_card_that_tells_no_links_in_words(words: str, links: tuple[float, ...] | None) -> None:
    other = CARD.replace("GPU 0", "GPU 1")
    assert nvlink.parse(f"{CARD}{words}\n{other}\t Link 0: 25 GB/s\n") == {0: links, 1: (25.0,)}
    for rest in ("\n\t Link 0: 25 GB/s\n", f"\n{words}\n", " x\n"):
        with pytest.raises(Unparsable):
            nvlink.parse(CARD + words + rest)
    with pytest.raises(Unparsable):
        nvlink.parse(f"{words}\n{CARD}")


@pytest.mark.parametrize(
    "text",
    [
        DOWN,
        CARD + "\t Link 0: 25 GB/s\n" + DOWN,
        CARD + DOWN + DOWN,
        CARD + DOWN[:-1] + " x\n",
        CARD.replace(")", ") x"),
        CARD + "\t Link 0: 25 GB/s x\n",
    ],
)
def test_links_with_a_doubt_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        nvlink.parse(text)
