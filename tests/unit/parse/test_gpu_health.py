"""What GPUs and their driver tell of their health, transcribed from NVIDIA's documentation and from public logs."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import dcgm, nvidia_smi, nvidia_temperature, nvidia_topology, nvlink, xid
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
    assert nvlink.parse(CARD + "NVML: Unable to retrieve NvLink information as all links are inActive\n") == {
        0: (None,)
    }


@pytest.mark.parametrize("text", ["\t Link 0: 25 GB/s\n", CARD * 2, CARD + "\t Link 1: 25 GB/s\n", CARD + "ERR!\n"])
def test_half_of_the_links_is_unknown(text):
    with pytest.raises(Unparsable):
        nvlink.parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "NVRM: Xid (PCI:0000:06:00): 79, pid=1312, GPU has fallen off the bus.",
        "[  12.3] NVRM: Xid (0000:06:00): 79, GPU has fallen off the bus.",
        "2026-11-24T07:12:01+0000 a kernel: NVRM: Xid (PCI:0000:06:00): 79, pid='<unknown>', name=<unknown>, GPU has",
    ],
)
def test_an_xid_in_whatever_log(line):
    assert xid.errors(f"Linux version 4.15\n{line}\n") == (xid.Xid(79, "0000:06:00"),)


def test_when_the_kernels_log_begins():
    assert xid.begins("[    0.000000] atlas-gpu01 kernel: Linux version 4.15\n[    1.5] x\n") == 0.0
    assert xid.begins("[1086423.120451] atlas-gpu01 kernel: [drm] x\n") == 1086423.120451


@pytest.mark.parametrize(
    "text", ["", "Linux version 4.15\n", "[ ] x", "2026-11-24T07:12:01+0000 a kernel: [    0.000000] x"]
)
def test_a_log_without_a_time_is_unknown(text):
    with pytest.raises(Unparsable):
        xid.begins(text)


def test_an_xid_of_another_form_is_unknown():
    with pytest.raises(Unparsable):
        xid.errors("NVRM: Xid 79\n")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.64  Fri Feb 21 01:17:26 UTC 2020", "440.64"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build", "535.104.05"),
    ],
)
def test_the_driver_that_runs(line, version):
    assert xid.loaded(f"{line}\nGCC version:  gcc version 7.4.0\n") == version


@pytest.mark.parametrize("text", ["", "GCC version: 7\n", "NVRM version: NVIDIA UNIX x86_64 Kernel Module\n"])
def test_half_of_the_drivers_version_is_unknown(text):
    with pytest.raises(Unparsable):
        xid.loaded(text)


def test_cards_that_cannot_be_read_are_named():
    assert nvidia_smi.unreadable("0, OK\n1, [Unknown Error]\n2, ERR!\n") == ["GPU 1: [Unknown Error]", "GPU 2: ERR!"]


DIAGNOSIS = '{"DCGM Diagnostic": {"test_categories": [{"tests": [{"name": "a", "results": [%s]}]}]}}'


def test_a_diagnosis_names_what_did_not_pass():
    results = '{"status": "Pass"}, {"gpu_ids": "1", "status": "Fail"}, {"entity_id": 0, "status": "Skip"}'
    assert dcgm.failures(DIAGNOSIS % results) == ["a on 1: Fail"]


@pytest.mark.parametrize("text", ["", "[]", "{}", DIAGNOSIS % "", DIAGNOSIS % '{"status": "Skip"}', DIAGNOSIS % "1"])
def test_a_diagnosis_of_nothing_is_unknown(text):
    with pytest.raises(Unparsable):
        dcgm.failures(text)


TWO = "\tGPU0\tGPU1\tNIC0\tCPU Affinity\nGPU0\t X \tNV2\tPIX\t0-19\nGPU1\tNV2\t X \tSYS\t0-19\nNIC0\tPIX\tSYS\t X \n"


def test_a_matrix_tells_the_way_to_every_other_gpu():
    for text in (TWO, TWO.replace("\tGPU0\tGPU1", "\t\x1b[4mGPU0\tGPU1", 1)):
        assert nvidia_topology.parse(text) == {"GPU0": {"GPU1": "NV2"}, "GPU1": {"GPU0": "NV2"}}


@pytest.mark.parametrize(
    "text", ["", TWO[:40], TWO[:60], TWO.replace("NV2", "ERR!"), TWO.replace("GPU1\tNV2", "GPU0\tNV2")]
)
def test_half_of_a_matrix_is_unknown(text):
    with pytest.raises(Unparsable):
        nvidia_topology.parse(text)
