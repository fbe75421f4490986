"""What GPUs and their driver tell of their health, transcribed from NVIDIA's documentation and from public logs."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import (
    dcgm,
    nvidia_driver,
    nvidia_log,
    nvidia_smi,
    nvidia_temperature,
    nvidia_topology,
    nvlink,
)
from dlws.parse.accelerators.nvidia_temperature import Temperature
from dlws.verdict import Unparsable

VOLTA = """\
Attached GPUs                       : 1
GPU 00000000:06:00.0
    Temperature
        GPU Current Temp            : 33 C
        GPU Shutdown Temp           : 90 C
        GPU Slowdown Temp           : 87 C
        GPU Max Operating Temp      : 83 C
        Memory Current Temp         : 31 C
"""
HOPPER = """\
Attached GPUs                                 : 1
GPU 00000000:19:00.0
    Temperature
        GPU Current Temp                      : 31 C
        GPU T.Limit Temp                      : 56 C
        GPU Shutdown T.Limit Temp             : -8 C
        GPU Slowdown T.Limit Temp             : -2 C
        GPU Target Temperature                : N/A
"""


def test_a_margin_is_what_is_left_until_the_card_slows_down():
    assert nvidia_temperature.parse(VOLTA) == (Temperature("00000000:06:00.0", 33, 54),)
    assert nvidia_temperature.parse(HOPPER) == (Temperature("00000000:19:00.0", 31, 58),)


@pytest.mark.parametrize(
    "text", ["", VOLTA.replace(": 1", ": 2"), VOLTA.replace("87 C", "N/A"), VOLTA.replace("33 C", "ERR!"), VOLTA[:110]]
)
def test_half_of_the_temperatures_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_temperature.parse(text)


CARD = "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-0a1b2c3d-4e5f)\n"


def test_a_link_has_a_speed_or_none():
    text = CARD + "\t Link 0: 25 GB/s\n\t Link 1: <inactive>\n" + CARD.replace("GPU 0", "GPU 1")
    assert nvlink.parse(text) == {0: (25.0, None), 1: ()}


def test_a_card_whose_links_are_all_down_has_one_that_is():
    for words in ("NVML: Unable to retrieve NvLink", "NVML: Unable to retrieve Nvlink", "\tUnable to retrieve NVLink"):
        assert nvlink.parse(CARD + words + " information as all links are inActive\n") == {0: (None,)}


@pytest.mark.parametrize("text", ["\t Link 0: 25 GB/s\n", CARD * 2, CARD + "\t Link 1: 25 GB/s\n", CARD + "ERR!\n"])
def test_half_of_the_links_is_unknown(text):
    with pytest.raises(Unparsable):
        nvlink.parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "NVRM: Xid (PCI:0000:06:00): 79, pid=1312, GPU has fallen off the bus.",
        "[  12.3] NVRM: Xid (0000:06:00): 79, GPU has fallen off the bus.",
        "NVRM: Xid (PCI:0000:06:00 GPU-I:05): 79, pid=7, name=a, words",
        "NVRM: Xid (PCI:0000:06:00 GPU-I:01 GPU-CI:02): 79, pid=7, name=a, words",
        "2026-11-24T07:12:01+0000 a kernel: NVRM: Xid (PCI:0000:06:00): 79, pid='<unknown>', name=<unknown>, GPU has",
    ],
)
def test_an_xid_in_whatever_log(line):
    assert nvidia_log.errors(f"Linux version 4.15\n{line}\n") == found_in("79 on 0000:06:00")


def test_when_the_kernels_log_begins():
    assert nvidia_log.begins("[    0.000000] atlas-gpu01 kernel: Linux version 4.15\n[    1.5] x\n") == 0.0
    assert nvidia_log.begins("[1086423.120451] atlas-gpu01 kernel: [drm] x\n") == 1086423.120451


@pytest.mark.parametrize(
    "text", ["", "Linux version 4.15\n", "[ ] x", "2026-11-24T07:12:01+0000 a kernel: [    0.000000] x"]
)
def test_a_log_without_a_time_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_log.begins(text)


def test_an_xid_of_another_form_is_kept_and_hides_no_other():
    odd, bad = "NVRM: Xid 79", "NVRM: Xid (PCI:0000:06:00 GPU-I:01): 95, pid=9, name=a, Uncontained: SM (0x1). RST: Yes"
    found = nvidia_log.errors(f"{odd}\n{bad}\n")
    assert (found.grave, found.unread) == ((nvidia_log.GraveError(95, "95 on 0000:06:00"),), (odd,))


def found_in(*words: str) -> nvidia_log.Errors:
    return nvidia_log.Errors(tuple(nvidia_log.GraveError(int(w.split()[0]), w) for w in words), ())


@pytest.mark.parametrize("number", [8, 13, 31, 32, 43, 45, 60, 63, 65, 66, 68, 69, 73, 80, 92, 94, 121, 137, 160])
def test_an_xid_of_the_application_or_repaired_is_no_error_of_the_card(number):
    assert nvidia_log.errors(f"NVRM: Xid (PCI:0000:06:00): {number}, pid=7, name=a, words\n") == found_in()


@pytest.mark.parametrize("number", sorted(nvidia_log.HARDWARE))
def test_an_xid_that_asks_for_a_reset_or_a_look_is_grave(number):
    line = f"NVRM: Xid (PCI:0000:06:00): {number}, pid=7, name=a, words\n"
    assert nvidia_log.errors(line) == found_in(f"{number} on 0000:06:00")


@pytest.mark.parametrize(("word", "is_grave"), [("Fatal", True), ("Nonfatal", False), ("Non-fatal", False)])
@pytest.mark.parametrize("number", [144, 147, 150, 173])
def test_the_word_of_an_nvlink_5_error_grades_it(number, word, is_grave):
    found = nvidia_log.errors(f"NVRM: Xid (PCI:0009:01:00): {number}, SOME_UNIT  {word}   XC0 i0 Link 01 (0x02)\n")
    assert (bool(found.grave), found.unread) == (is_grave, ())


def test_the_last_recovery_action_of_a_card_counts():
    line = "NVRM: Xid (PCI:0000:{}:00): 154, GPU recovery action changed from 0x0 (None) to {}\n"
    text = line.format("06", "0x1 (GPU Reset Required)") + line.format("06", "0x0 (None)")
    assert nvidia_log.errors(text) == found_in()
    text += line.format("07", "0x2 (Node Reboot Required)")
    assert nvidia_log.errors(text) == found_in("154 on 0000:07:00: Node Reboot Required")


def test_an_error_of_a_switch_is_graded_by_its_word():
    line = "nvidia-nvswitch3: SXid (PCI:0000:06:00.0): {}\n"
    rest = ("12028, Severity 0 Engine instance 46 Sub-engine instance 00", "12028, Data {0x00000001, 0x00000000}")
    for text in ("12028, Non-fatal, Link 46 egress non-posted PRIV error (First)", *rest):
        assert nvidia_log.errors(line.format(text)) == found_in()
    fatal = nvidia_log.errors(line.format("19084, Fatal, Link 08 AN1 Heartbeat Timeout Error"))
    assert [error.words for error in fatal.grave] == ["SXid 19084 on 0000:06:00.0"]
    assert nvidia_log.errors(line.format("20034, Link 48 LTSSM Fault Up")).unread


def test_a_card_that_fell_off_the_bus_without_an_xid_is_told():
    text = "NVRM: GPU 0000:06:00.0: RmInitAdapter\nNVRM: fallen off the bus and is not responding to commands.\n"
    assert [error.words for error in nvidia_log.errors(text).grave] == ["fallen off the bus: a GPU"]


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.64  Fri Feb 21 01:17:26 UTC 2020", "440.64"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build", "535.104.05"),
    ],
)
def test_the_driver_that_runs(line, version):
    assert nvidia_driver.loaded(f"{line}\nGCC version:  gcc version 7.4.0\n") == version


@pytest.mark.parametrize("text", ["", "GCC version: 7\n", "NVRM version: NVIDIA UNIX x86_64 Kernel Module\n"])
def test_half_of_the_drivers_version_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_driver.loaded(text)


def test_cards_that_cannot_be_read_are_named():
    assert nvidia_smi.unreadable("0, OK\n1, [Unknown Error]\n2, ERR!\n") == ["GPU 1: [Unknown Error]", "GPU 2: ERR!"]


ROWS = "0, OK, 1\n1, [Unknown Error], 2\n"
LOST = "Unable to determine the device handle for {}: Unknown Error"


def test_a_field_that_could_not_be_read_spoils_no_other():
    fields = ("index", "name", "serial")
    first, second = nvidia_smi.query(ROWS, fields)
    assert (first["name"], second["name"], second["serial"]) == ("OK", "[Unknown Error]", "2")
    assert [isinstance(row["name"], nvidia_smi.Unreadable) for row in (first, second)] == [False, True]


def test_a_warning_about_an_inforom_spoils_no_row():
    text = "WARNING: infoROM is corrupted at gpu 0000:8A:00.0\n" + ROWS
    assert nvidia_smi.query(text, ("index", "name", "serial")) == nvidia_smi.query(ROWS, ("index", "name", "serial"))
    assert nvidia_smi.corrupted_inforoms(text) == ["0000:8A:00.0"]


@pytest.mark.parametrize(
    "card", ["GPU0000:91:00.0", "GPU 0000:91:00.0", "gpu 0000:0B:00.0", "GPU1: 0000:07:00.0", "GPU 00000000:91:00.0"]
)
def test_a_lost_card_is_told_in_its_own_words(card):
    line = LOST.format(card)
    assert nvidia_smi.lost(f"0, OK\n{line}\n") == [line]
    with pytest.raises(Unparsable):
        nvidia_smi.query(f"0, OK\n{line}\n", ("index", "name"))


def test_a_lost_card_may_lack_its_power_cables():
    lost = LOST.format("GPU 0000:02:00.0") + "\nThis may be because not all required external power cables are\n"
    text = f"{lost}attached, or the attached cables are not seated properly.\n"
    assert nvidia_smi.listed(f"{text}GPU 1: Tesla T4 (UUID: GPU-0004b001-7c1e)\n") == ("GPU-0004b001-7c1e",)
    with pytest.raises(Unparsable):
        nvidia_smi.listed(f"{text}This may be because of something else\n")


def test_a_list_leaves_a_lost_card_out():
    rows = [f"GPU {n}: Tesla V100-SXM2-32GB (UUID: GPU-0004b00{n}-7c1e)" for n in range(3)]
    rows[1] = LOST.format("gpu 0000:07:00.0")
    assert nvidia_smi.listed("\n".join(rows)) == ("GPU-0004b000-7c1e", "GPU-0004b002-7c1e")
    assert nvidia_smi.listed(f"{rows[0]}\n{rows[2]}\n{rows[1]}\n") == ("GPU-0004b000-7c1e", "GPU-0004b002-7c1e")
    assert nvidia_smi.listed(rows[1]) == ()
    for odd in (rows[:1] + rows[2:], rows[:1] + rows[:1], [rows[2], rows[0], rows[1]], [rows[2], rows[1]]):
        with pytest.raises(Unparsable):
            nvidia_smi.listed("\n".join(odd))


def test_what_is_said_of_cards_on_stderr_is_an_answer_too():
    sentence, warning = LOST.format("GPU1: 0000:07:00.0"), "WARNING: infoROM is corrupted at gpu 0000:8A:00.0"
    for line in (sentence, warning, "No devices were found", "Failed to initialize NVML: Unknown Error"):
        assert nvidia_smi.answer("0, OK\n\n", f"locale: cannot set LC_ALL\n{line}\n") == f"0, OK\n{line}\n"
        assert nvidia_smi.answer(f"{line}\n", f"{line}\n") == f"{line}\n"
    for noise in ("locale: cannot set LC_ALL", f"{warning} of six"):
        assert nvidia_smi.answer("0, OK", f"{noise}\n") == "0, OK"


def test_the_fabric_managers_version_is_in_its_first_line():
    text = "\n\tFabric Manager version is : 610.57.04\nBuild Info - Branch: rel/gpu_drv/r610/r610_85-4, Changelist: 0\n"
    assert nvidia_driver.fabric_manager(text) == "610.57.04"
    for odd in ("", "usage\n", text * 2):
        with pytest.raises(Unparsable):
            nvidia_driver.fabric_manager(odd)


DIAGNOSIS = '{"DCGM Diagnostic": {"test_categories": [{"tests": [{"name": "a", "results": [%s]}]}]}}'


def test_a_diagnosis_names_what_did_not_pass():
    results = '{"status": "Pass"}, {"gpu_ids": "1", "status": "Fail"}, {"entity_id": 0, "status": "Skip"}'
    assert dcgm.failures(DIAGNOSIS % results) == ["a on 1: Fail"]


@pytest.mark.parametrize(
    ("results", "summary", "failed"),
    [
        ('{"entity_id": 0, "status": "Pass"}', "Fail", ["a on the host: Fail"]),
        ("", "Fail", ["a on the host: Fail"]),
        ('{"entity_id": 0, "status": "Pass"}, {"entity_id": 1, "status": "Fail"}', "Fail", ["a on 1: Fail"]),
        ('{"entity_id": 1, "status": "Warn"}, {"entity_id": 0, "status": "Pass"}', "Warn", ["a on 1: Warn"]),
        ('{"entity_id": 0, "status": "Pass"}', "Pass", []),
    ],
)
def test_a_test_may_fail_as_a_whole(results, summary, failed):
    text = (DIAGNOSIS % results).replace('"results"', f'"test_summary": {{"status": "{summary}"}}, "results"')
    assert dcgm.failures(text) == failed


def test_a_diagnosis_that_only_failed_is_one():
    assert dcgm.failures(DIAGNOSIS % '{"entity_id": 0, "status": "Fail"}') == ["a on 0: Fail"]


@pytest.mark.parametrize("text", ["", "[]", "{}", DIAGNOSIS % "", DIAGNOSIS % '{"status": "Skip"}', DIAGNOSIS % "1"])
def test_a_diagnosis_of_nothing_is_unknown(text):
    with pytest.raises(Unparsable):
        dcgm.failures(text)


TWO = "\tGPU0\tGPU1\tNIC0\tCPU Affinity\nGPU0\t X \tNV2\tPIX\t0-19\nGPU1\tNV2\t X \tSYS\t0-19\nNIC0\tPIX\tSYS\t X \n"


def test_a_matrix_tells_the_way_to_every_other_gpu():
    for text in (TWO, TWO.expandtabs(), TWO.replace("\tGPU0\tGPU1", "\t\x1b[4mGPU0\tGPU1", 1)):
        assert nvidia_topology.parse(text) == {"GPU0": {"GPU1": "NV2"}, "GPU1": {"GPU0": "NV2"}}


@pytest.mark.parametrize(
    "text", ["", TWO[:40], TWO[:60], TWO.replace("NV2", "ERR!"), TWO.replace("GPU1\tNV2", "GPU0\tNV2")]
)
def test_half_of_a_matrix_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_topology.parse(text)
