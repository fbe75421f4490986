"""`all_reduce_perf` of nccl-tests: the bandwidth of an all-reduce over GPUs. Formats: nccl-tests 2.0 to 2.18."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, number, unparsable

SOURCE = "all_reduce_perf"
_AVERAGE = re.compile(r"# Avg bus bandwidth\s*: ([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\s*(?:OK|FAILED)?")
_WRONG = re.compile(r"# Out of bounds values : ([0-9]{1,18}) (?:OK|FAILED)")
_SIZE = re.compile(r"[0-9]{1,19} +[0-9]{1,19} +float +sum .*")


@dataclass(frozen=True, slots=True)
class AllReduce:
    """`bus` is the average bus bandwidth in GB/s, `wrong` the number of wrong result values."""

    bus: float
    wrong: int


def all_reduce(text: str) -> AllReduce:
    """The summary below the table. Raises Unparsable if the table is empty or the summary incomplete."""
    output = [line.strip() for line in lines(SOURCE, text)]
    average = [row[1] for line in output if (row := _AVERAGE.fullmatch(line))]
    wrong = [row[1] for line in output if (row := _WRONG.fullmatch(line))]
    if len(average) != 1 or len(wrong) != 1 or not any(_SIZE.fullmatch(line) for line in output):
        raise unparsable(SOURCE, output[-1] if output else "", "no table with its summary")
    return AllReduce(float(average[0]), number(SOURCE, wrong[0]))
