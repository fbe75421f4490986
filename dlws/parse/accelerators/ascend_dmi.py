"""`ascend-dmi -f` and `ascend-dmi --bw` (MindX ToolBox): compute speed and memory bandwidth of an NPU.

    ---------------------------------------------------------------------------------
        Device        Execute Times        Duration(ms)        TFLOPS@FP16   Power(W)
    ---------------------------------------------------------------------------------
        0             600,000,000          14222               88.475        85.1999969
    ---------------------------------------------------------------------------------

A prompt answered by `-q` and shell messages may precede the table. The bandwidth table has an `ID` column before the
size if a single size was asked for.
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
    """`ascend-dmi -f -t fp16 -d DEVICE`: TFLOPS. Raises Unparsable unless the only row is that device's."""
    (row, *others) = _rows(text, _FLOPS, 5)
    if others or row[0] != str(device):
        raise unparsable(SOURCE, " ".join(row), f"not about device {device} alone")
    return _speed(row[3])


def bandwidth(text: str) -> float:
    """`ascend-dmi --bw -t h2d|d2h -d DEVICE`: GB/s at the largest size in the table."""
    heads = [match for line in lines(SOURCE, text) if (match := _BANDWIDTH.fullmatch(line))]
    first = 1 if heads and heads[0][1] else 0
    rows = [row[first:] for row in _rows(text, _BANDWIDTH, 4 + first)]
    return _speed(max(rows, key=lambda row: number(SOURCE, row[0]))[2])


def _rows(text: str, head: re.Pattern[str], columns: int) -> Sequence[list[str]]:
    """The rows of the only table with this header, between its two rules."""
    output = [line.strip() for line in lines(SOURCE, text)]
    heads = [at for at, line in enumerate(output) if head.fullmatch(line)]
    if len(heads) != 1:
        raise unparsable(SOURCE, output[-1] if output else "", f"{len(heads)} tables")
    rules = [at for at, line in enumerate(output) if at > heads[0] and re.fullmatch(r"-{20,}", line)]
    rows = [line.split() for line in output[rules[0] + 1 : rules[1]]] if len(rules) == 2 else []
    if not rows or any(len(row) != columns for row in rows):
        raise unparsable(SOURCE, output[-1], "no complete table")
    return rows


def _speed(word: str) -> float:
    if _SPEED.fullmatch(word) is None:
        raise unparsable(SOURCE, word, "no speed")
    return float(word)
