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

from dlws.parse.text import lines, number, unparsable

SOURCE = "ascend-dmi"
_FLOPS = ("Device", "Execute Times", "Duration(ms)", "TFLOPS@FP16", "Power(W)")
_BANDWIDTH = ("Size(Bytes)", "Execute Times", "Bandwidth(GB/s)", "Elapsed Time(us)")
_RULE = re.compile(r"-{20,}")
_SPEED = re.compile(r"[0-9]{1,7}\.[0-9]{1,9}")


def tflops(text: str, device: int) -> float:
    """`ascend-dmi -f -t fp16 -d DEVICE`: TFLOPS. Raises Unparsable unless the only row is that device's."""
    rows = _rows(text, _FLOPS)
    if [row["Device"] for row in rows] != [str(device)]:
        raise unparsable(SOURCE, " ".join(rows[-1].values()), f"not about device {device} alone")
    return _speed(rows[0]["TFLOPS@FP16"])


def bandwidth(text: str) -> float:
    """`ascend-dmi --bw -t h2d|d2h -d DEVICE`: GB/s at the largest size in the table."""
    rows = _rows(text, _BANDWIDTH, ("ID", *_BANDWIDTH))
    return _speed(max(rows, key=lambda row: number(SOURCE, row["Size(Bytes)"]))["Bandwidth(GB/s)"])


def _rows(text: str, *heads: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows, by column, of the only table with one of these headers, between its two rules."""
    output = [line.strip() for line in lines(SOURCE, text)]
    found = [(at, row) for at, line in enumerate(output) if (row := tuple(re.split(r"\s{2,}", line))) in heads]
    if len(found) != 1:
        raise unparsable(SOURCE, output[-1] if output else "", f"{len(found)} tables")
    [(start, columns)] = found
    rules = [at for at, line in enumerate(output[start:], start) if _RULE.fullmatch(line)]
    rows = [line.split() for line in output[rules[0] + 1 : rules[1]]] if len(rules) == 2 else []
    if not rows or any(len(row) != len(columns) for row in rows):
        raise unparsable(SOURCE, output[-1], "no complete table")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _speed(word: str) -> float:
    if _SPEED.fullmatch(word) is None:
        raise unparsable(SOURCE, word, "no speed")
    return float(word)
