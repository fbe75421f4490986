"""The tools that measure: iperf3, fio, nvbandwidth and nccl-tests, as several of their versions answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.parse.accelerators import ascend_dmi, nccl_tests, nvbandwidth
from dlws.parse.accelerators.nccl_tests import AllReduce
from dlws.parse.network import iperf3
from dlws.parse.storage import fio
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
IPERF3 = (DATA / "iperf3_3.12.json").read_text()
FIO = (DATA / "fio_3.33.json").read_text()
COPIES = """\
nvbandwidth Version: v0.6
Built from Git version: v0.6

CUDA Runtime Version: 12040
Device 0: NVIDIA A100-SXM4-80GB (00000000:07:00)

Running host_to_device_memcpy_ce.
memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)
           0         1
 0     25.32     12.36

SUM host_to_device_memcpy_ce 37.68
"""
OLD_COPIES = """\
Running device_to_host_memcpy_ce.
memcpy CE CPU(row) <- GPU(column) bandwidth (GB/s)
          0
0      6.20
"""
REDUCED = """\
# nThread 1 nGpus 2 minBytes 268435456 maxBytes 1073741824 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1
# Using devices
#  Rank  0 Group  0 Pid   4711 on atlas-gpu01 device  0 [0x07] NVIDIA A100-SXM4-80GB
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
   268435456      67108864     float     sum      -1   1119.8  239.71  419.49      0   1117.4  240.24  420.42      0
  1073741824     268435456     float     sum      -1   4027.3  266.61  466.57      0   4029.1  266.50  466.37      0
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 443.212
#
"""


def test_iperf3_counts_what_has_come() -> None:
    assert iperf3.received(IPERF3) == pytest.approx(7543.4, abs=0.1)


def test_an_error_of_iperf3_is_no_speed() -> None:
    with pytest.raises(Unparsable, match="iperf3: an error: 'unable to connect to server: Connection refused'"):
        iperf3.received(
            '{"start": {}, "intervals": [], "end": {}, "error": "unable to connect to server: Connection refused"}'
        )


@pytest.mark.parametrize("text", ["", IPERF3[:200], "[]", '{"end": {"sum_received": {}}}', "iperf3: error - no route"])
def test_other_answers_of_iperf3_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        iperf3.received(text)


def test_fio_counts_what_is_written() -> None:
    assert fio.written(FIO) == pytest.approx(1525.2, abs=0.1)


def test_a_job_of_fio_that_failed_is_no_speed() -> None:
    with pytest.raises(Unparsable, match="fio: its job ended with error: '28'"):
        fio.written(FIO.replace('"error": 0', '"error": 28'))


@pytest.mark.parametrize("text", ["", FIO[:300], "{}", '{"jobs": []}', "fio: failed parsing rw"])
def test_other_answers_of_fio_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        fio.written(text)


def test_copies_by_gpu() -> None:
    assert nvbandwidth.per_gpu(COPIES) == {0: 25.32, 1: 12.36}
    assert nvbandwidth.per_gpu(OLD_COPIES) == {0: 6.2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Running host_to_device_memcpy_ce.\nWAIVED\n",
        COPIES + COPIES,
        COPIES.replace("12.36", "N/A"),
        COPIES.replace(" 0     25.32     12.36", " 0     25.32"),
    ],
)
def test_half_a_table_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        nvbandwidth.per_gpu(text)


def test_all_reduce_has_its_average() -> None:
    assert nccl_tests.all_reduce(REDUCED) == AllReduce(443.212, 0)
    failed = REDUCED.replace(": 0 OK", ": 21 FAILED").replace("443.212", "1.5e+02 FAILED")
    assert nccl_tests.all_reduce(failed) == AllReduce(150.0, 21)


@pytest.mark.parametrize(
    "text",
    [
        "",
        REDUCED[: REDUCED.index("# Avg")],
        REDUCED.replace("float", "half!"),
        REDUCED.replace("443.212", "nan"),
        "atlas-gpu01: Test NCCL failure common.cu:958 'unhandled cuda error'\n",
    ],
)
def test_an_all_reduce_without_its_summary_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        nccl_tests.all_reduce(text)


RULE = "-" * 66
ASKED = "This test will affect the business on this server. To ensure the correctness ... continue?(Y/N)Y\nY\n"
FLOPS = f"""{ASKED}{RULE}
    Device        Execute Times        Duration(ms)        TFLOPS@FP16          Power(W)
{RULE}
    0             600,000,000          14222               88.475             85.1999969
{RULE}
"""
STEPS = f"""grep: warning: stray \\ before /
Host to Device Test
Device 0: Ascend 310P1.
{RULE}
    Size(Bytes)     Execute Times     Bandwidth(GB/s)     Elapsed Time(us)
{RULE}
    2               100               0.000178            11.21
    33554432        100               6.189528            5421.16
    16777216        100               6.165126            2721.31
{RULE}
"""
ONE_SIZE = f"""{RULE}
    ID     Size(Bytes)     Execute Times     Bandwidth(GB/s)     Elapsed Time(us)
{RULE}
    0      8388608         100               6.672553            1257.18
{RULE}
"""


def test_ascend_dmi_tells_how_fast_an_npu_computes() -> None:
    assert ascend_dmi.tflops(FLOPS, 0) == 88.475


def test_ascend_dmi_tells_how_fast_an_npu_is_filled() -> None:
    assert ascend_dmi.bandwidth(STEPS) == 6.189528
    assert ascend_dmi.bandwidth(ONE_SIZE) == 6.672553


ROW = "    0             600,000,000          14222               88.475             85.1999969\n"
NO_FLOPS = [
    "",
    FLOPS[:-70],
    FLOPS * 2,
    FLOPS.replace("88.475", "NA"),
    FLOPS.replace("88.475", "88.475*"),
    FLOPS.replace("    0  ", "    1  "),
    FLOPS.replace(ROW, ROW + ROW.replace("    0  ", "    1  ")),
    FLOPS.replace(ROW, ROW.replace("    0  ", "    1  ") + ROW),
    FLOPS.replace("Power(W)", "Power(W)          Temperature"),
    f"{FLOPS[:-1]} interrupted\n",
    STEPS,
]
NO_BANDWIDTH = [
    "",
    STEPS[:-68],
    STEPS * 2,
    STEPS.replace("6.189528", "-"),
    STEPS.replace("100", ""),
    STEPS.replace("100", "", 1),
    STEPS.replace("33554432", "32M"),
    FLOPS,
]


@pytest.mark.parametrize("text", [*NO_FLOPS, FLOPS.replace("FP16", "BF16")])
def test_half_a_table_of_flops_is_no_speed(text: str) -> None:
    with pytest.raises(Unparsable):
        ascend_dmi.tflops(text, 0)


@pytest.mark.parametrize("text", NO_BANDWIDTH)
def test_half_a_table_of_bandwidths_is_no_speed(text: str) -> None:
    with pytest.raises(Unparsable):
        ascend_dmi.bandwidth(text)
