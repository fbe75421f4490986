"""`nvidia-smi topo -m`: how each pair of GPUs is connected. Formats: drivers 418 to 580."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "nvidia-smi topo -m"
_GPU = re.compile(r"GPU[0-9]{1,3}")
_COLUMNS = re.compile(r"\t| {2,}")
"""Between the columns is a tab; on a terminal, from which people paste, it becomes blanks."""
_WAY = re.compile(r"X|NV[0-9]{1,2}|SYS|NODE|PHB|PXB|PIX|PSB|SOC")


def parse(text: str) -> dict[str, dict[str, str]]:
    """For each GPU (`GPU0`) its connection to each other GPU: NV6 (six NVLinks), PIX, PXB, PHB, NODE or SYS.

    Other columns (network interfaces, affinities) are skipped. Raises Unparsable for a matrix that is not square.
    """
    rows = [[cell.strip() for cell in _COLUMNS.split(line)] for line in lines(SOURCE, text)]
    header = next((row for row in rows if any(map(_GPU.fullmatch, row[1:]))), [])
    matrix: dict[str, dict[str, str]] = {}
    for name, *ways in (row for row in rows if _GPU.fullmatch(row[0])):
        row = {other: way for other, way in zip(header[1:], ways, strict=False) if _GPU.fullmatch(other)}
        if name in matrix or not all(_WAY.fullmatch(way) for way in row.values()):
            raise unparsable(SOURCE, "\t".join([name, *ways]))
        matrix[name] = row
    if not matrix or any(set(row) != set(matrix) or row[name] != "X" for name, row in matrix.items()):
        raise unparsable(SOURCE, "\t".join(header), "no square matrix of GPUs below")
    return {name: {other: way for other, way in row.items() if other != name} for name, row in matrix.items()}
