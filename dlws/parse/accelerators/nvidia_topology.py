"""`nvidia-smi topo -m`: how each pair of GPUs is connected. Formats: drivers 418 to 580."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "nvidia-smi topo -m"
_GPU = re.compile(r"GPU[0-9]{1,3}")
_WAY = re.compile(r"X|NV[0-9]{1,2}|SYS|NODE|PHB|PXB|PIX|PSB|SOC")


def parse(text: str) -> dict[str, dict[str, str]]:
    """For each GPU (`GPU0`) its connection to each other GPU: NV6 (six NVLinks), PIX, PXB, PHB, NODE or SYS.

    Other columns (network interfaces, affinities) are skipped. Raises Unparsable for a matrix that is not square.
    """
    header: list[str] = []
    matrix: dict[str, dict[str, str]] = {}
    for line in lines(SOURCE, text):
        cells = [cell.strip() for cell in line.split("\t")]
        if not header and _GPU.fullmatch(cells[0]) is None and any(_GPU.fullmatch(cell) for cell in cells):
            header = cells
        elif header and _GPU.fullmatch(cells[0]):
            row = {name: cell for name, cell in zip(header, cells, strict=False) if _GPU.fullmatch(name)}
            if cells[0] in matrix or not all(_WAY.fullmatch(cell) for cell in row.values()):
                raise unparsable(SOURCE, line)
            matrix[cells[0]] = row
    if not matrix or any(set(row) != set(matrix) or row[name] != "X" for name, row in matrix.items()):
        raise unparsable(SOURCE, "\t".join(header), "no square matrix of GPUs below")
    return {name: {other: way for other, way in row.items() if other != name} for name, row in matrix.items()}
