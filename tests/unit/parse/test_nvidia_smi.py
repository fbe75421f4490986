"""nvidia-smi. Queries and messages transcribed from its documentation and from public logs; tables laid out as drivers
390, 418, 440, 470, 535, 550 and 580 print them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.parse.accelerators import nvidia_smi
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
ROWS = """\
0, Tesla V100-SXM2-32GB, GPU-5c8b2f4e-0c1d-9f0a-4b3e-6a7d1f2e3c4b, 0323918012345, 440.33.01, 00000000:1A:00.0, 32510
1, GeForce RTX 2080 Ti, GPU-9d3a1c2b-77f0-1e5d-8c6b-0f1e2d3c4b5a, [Not Supported], 440.33.01, 00000000:1B:00.0, 11019
"""
MESSAGES = [
    "",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n",
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.104\n",
    "Failed to initialize NVML: Driver/library version mismatch\n",
    "Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.  Reboot the system to recover this GPU\n",
    "sh: 1: nvidia-smi: not found\n",
    "bash: nvidia-smi: 未找到命令\n",
]


def test_cards_are_typed():
    first, second = nvidia_smi.gpus(ROWS)
    assert (first.index, first.name, first.driver, first.memory) == (0, "Tesla V100-SXM2-32GB", "440.33.01", 32510)
    assert (first.serial, first.bus_id) == ("0323918012345", "00000000:1A:00.0")
    assert second.serial is None


@pytest.mark.parametrize("absent", ["[N/A]", "N/A", "[Not Supported]", "[Requested functionality has been deprecated]"])
def test_what_a_card_does_not_have_is_none(absent):
    assert nvidia_smi.query(f"0, {absent}\r\n", ["index", "ecc.mode.current"]) == (
        {"index": "0", "ecc.mode.current": None},
    )


@pytest.mark.parametrize("broken", ["ERR!", "[Unknown Error]", "[GPU is lost]", "[Insufficient Permissions]", ""])
def test_what_could_not_be_read_is_unknown(broken):
    with pytest.raises(Unparsable):
        nvidia_smi.query(f"0, OK\n1, {broken}\n", ["index", "ecc.mode.current"])


def test_no_card_is_no_row():
    assert nvidia_smi.gpus("No devices were found\n") == ()
    assert nvidia_smi.listed("No devices were found\n") == ()


@pytest.mark.parametrize("text", [*MESSAGES, "Killed\n", "[N/A]\n", "0\n0\n"])
@pytest.mark.parametrize("field", ["index", "uuid"])
def test_a_message_is_never_taken_for_a_card(text, field):
    with pytest.raises(Unparsable):
        nvidia_smi.query(text, [field])


def test_a_query_must_begin_with_what_identifies_the_card():
    with pytest.raises(ValueError, match="driver_version"):
        nvidia_smi.query("440.33.01\n", ["driver_version"])


@pytest.mark.parametrize(
    "text",
    [
        ROWS[:150],
        ROWS.replace("440.33.01", "[N/A]"),
        ROWS.replace("32510", "32510 MiB"),
        'Field "serials" is not a valid field to query.\n',
        "Welcome to atlas-gpu01\n" + ROWS,
        ROWS + "Unable to determine the device handle for GPU 0000:1C:00.0: Unknown Error\n",
    ],
)
def test_half_an_answer_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_smi.gpus(text)


LISTED = """\
GPU 0: Tesla V100-SXM2-32GB (UUID: GPU-5c8b2f4e-0c1d-9f0a-4b3e-6a7d1f2e3c4b)
  MIG 1g.5gb Device 0: (UUID: MIG-GPU-9d3a1c2b-77f0-1e5d-8c6b-0f1e2d3c4b5a/7/0)
  MIG 1g.5gb      Device  1: (UUID: MIG-0f6d1b8c-8c0c-5f3f-a9a6-3f9f2a6f4a11)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-9d3a1c2b-77f0-1e5d-8c6b-0f1e2d3c4b5a)
"""


def test_slices_of_a_card_are_not_cards():
    assert nvidia_smi.listed(LISTED) == (
        "GPU-5c8b2f4e-0c1d-9f0a-4b3e-6a7d1f2e3c4b",
        "GPU-9d3a1c2b-77f0-1e5d-8c6b-0f1e2d3c4b5a",
    )


@pytest.mark.parametrize(
    "text", [*(m for m in MESSAGES if "device handle" not in m), LISTED[:70], LISTED.replace("GPU 1:", "GPU 2:")]
)
def test_half_a_list_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_smi.listed(text)


@pytest.mark.parametrize(
    ("release", "driver", "cuda"),
    [
        ("390", "390.116", None),
        ("418", "418.87.00", "10.1"),
        ("440", "440.33.01", "10.2"),
        ("470", "470.82.01", "11.4"),
        ("535", "535.104.05", "12.2"),
        ("550", "550.54.14", "12.4"),
        ("580", "580.65.06", "13.0"),
    ],
)
def test_the_table_of_every_release_shows_driver_and_cards(release, driver, cuda):
    text = (DATA / f"nvidia_smi_{release}.txt").read_text()
    for shown in (text, "Welcome\n\x1b[0m" + text.replace("\n", "\r\n")):
        table = nvidia_smi.table(shown)
        assert (table.driver, table.cuda, len(table.bus_ids)) == (driver, cuda, 2)


@pytest.mark.parametrize("cuda", ["N/A ", "ERR!"])
def test_a_container_without_libcuda_still_shows_its_cards(cuda):
    text = (DATA / "nvidia_smi_440.txt").read_text().replace("10.2", cuda)
    assert nvidia_smi.table(text).cuda is None


def test_a_card_in_error_makes_the_table_unknown():
    text = (DATA / "nvidia_smi_440.txt").read_text().replace("43W", "ERR!")
    with pytest.raises(Unparsable, match="ERR!"):
        nvidia_smi.table(text)


@pytest.mark.parametrize("spoilt", ["00000000:1A:00.0", "garbled", "| 00000000:1B"])
def test_a_card_row_not_understood_or_twice_makes_the_table_unknown(spoilt):
    text = (DATA / "nvidia_smi_440.txt").read_text().replace("00000000:1B:00.0", spoilt)
    with pytest.raises(Unparsable):
        nvidia_smi.table(text)


def test_a_table_of_no_card_is_unknown():
    text = (DATA / "nvidia_smi_440.txt").read_text()
    with pytest.raises(Unparsable):
        nvidia_smi.table("\n".join(line for line in text.split("\n") if "Tesla" not in line))


@pytest.mark.parametrize("text", MESSAGES)
def test_a_message_is_not_a_table(text):
    with pytest.raises(Unparsable):
        nvidia_smi.table(text)


def test_a_table_cut_off_before_its_processes_is_unknown():
    text = (DATA / "nvidia_smi_550.txt").read_text()
    for end in range(text.index("Processes:")):
        with pytest.raises(Unparsable):
            nvidia_smi.table(text[:end])


def test_the_banner_of_driver_610():
    old = "Driver Version: 580.65.06      CUDA Version: 13.0 "
    text = (DATA / "nvidia_smi_580.txt").read_text()
    assert old in text
    table = nvidia_smi.table(text.replace(old, "KMD Version: 610.57.04   CUDA UMD Version: 13.3 "))
    assert (table.driver, table.cuda) == ("610.57.04", "13.3")
