"""`nvbandwidth -t TEST`: the bandwidth between CPU and each GPU. All versions print this table:

memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)
           0         1
 0     26.32     26.31
"""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "nvbandwidth"
_HEAD = re.compile(r"memcpy CE CPU\(row\) (?:->|<-) GPU\(column\) bandwidth \(GB/s\)")
_SPEED = re.compile(r"[0-9]+\.[0-9]+")


def per_gpu(text: str) -> dict[int, float]:
    """GB/s by GPU. Raises Unparsable unless there is exactly one complete table with a number for each GPU."""
    output = [line.strip() for line in lines(SOURCE, text)]
    heads = [at for at, line in enumerate(output) if _HEAD.fullmatch(line)]
    if len(heads) != 1 or len(output) < heads[0] + 3:
        raise unparsable(SOURCE, output[-1] if output else "", f"{len(heads)} tables")
    gpus, row = output[heads[0] + 1].split(), output[heads[0] + 2].split()
    if row[:1] != ["0"] or len(row) != len(gpus) + 1 or gpus != [str(number) for number in range(len(gpus))]:
        raise unparsable(SOURCE, output[heads[0] + 2])
    if wrong := [cell for cell in row[1:] if _SPEED.fullmatch(cell) is None]:
        raise unparsable(SOURCE, wrong[0], "no speed")
    return {number: float(cell) for number, cell in enumerate(row[1:])}
