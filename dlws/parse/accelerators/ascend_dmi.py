"""`ascend-dmi -f` and `ascend-dmi --bw`, MindX ToolBox: how fast an NPU computes and is filled.

    ---------------------------------------------------------------------------------
        Device        Execute Times        Duration(ms)        TFLOPS@FP16   Power(W)
    ---------------------------------------------------------------------------------
        0             600,000,000          14222               88.475        85.1999969
    ---------------------------------------------------------------------------------

Before a table stand a question that `-q` answers, and what the shell has to say; a bandwidth has `ID` before its size
where one size was asked for, and none where many were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlws.parse.text import lines, number, unparsable

SOURCE = "ascend-dmi"
_FLOPS = re.compile(r"\s*Device\s+Execute Times\s+Duration\(ms\)\s+TFLOPS@FP16\s+Power\(W\)")
_BANDWIDTH = re.compile(r"\s*(ID\s+)?Size\(Bytes\)\s+Execute Times\s+Bandwidth\(GB/s\)\s+Elapsed Time\(us\)")
_SPEED = re.compile(r"[0-9]{1,7}\.[0-9]{1,9}")


def tflops(text: str, device: int) -> float:
    """`ascend-dmi -f -t fp16 -d DEVICE`: TFLOPS. Raises Unparsable for text without that device's one row."""
    (row, *others) = _rows(text, _FLOPS, 5)
    if others or row[0] != str(device):
        raise unparsable(SOURCE, " ".join(row), f"not about device {device} alone")
    return _speed(row[3])


def bandwidth(text: str) -> float:
    """`ascend-dmi --bw -t h2d|d2h -d DEVICE`: GB/s with the largest size of the table."""
    heads = [match for line in lines(SOURCE, text) if (match := _BANDWIDTH.fullmatch(line))]
    first = 1 if heads and heads[0][1] else 0
    rows = [row[first:] for row in _rows(text, _BANDWIDTH, 4 + first)]
    return _speed(max(rows, key=lambda row: number(SOURCE, row[0]))[2])


def _rows(text: str, head: re.Pattern[str], columns: int) -> Sequence[list[str]]:
    """The rows between the rules of the one table with this head."""
    found = [line.strip() for line in lines(SOURCE, text)]
    heads = [at for at, line in enumerate(found) if head.fullmatch(line)]
    if len(heads) != 1:
        raise unparsable(SOURCE, found[-1] if found else "", f"{len(heads)} tables")
    rules = [at for at, line in enumerate(found) if at > heads[0] and re.fullmatch(r"-{20,}", line)]
    rows = [line.split() for line in found[rules[0] + 1 : rules[1]]] if len(rules) == 2 else []
    if not rows or any(len(row) != columns for row in rows):
        raise unparsable(SOURCE, found[-1], "no whole table")
    return rows


def _speed(word: str) -> float:
    if _SPEED.fullmatch(word) is None:
        raise unparsable(SOURCE, word, "no speed")
    return float(word)
