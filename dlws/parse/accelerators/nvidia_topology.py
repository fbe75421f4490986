"""`nvidia-smi topo -m`: how each pair of GPUs is joined. Formats: drivers 418 to 580."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "nvidia-smi topo -m"
_GPU = re.compile(r"GPU[0-9]{1,3}")
_WAY = re.compile(r"X|NV[0-9]{1,2}|SYS|NODE|PHB|PXB|PIX|PSB|SOC")


def parse(text: str) -> dict[str, dict[str, str]]:
    """By GPU, `GPU0`, the way to each other one: NV6 (so many NVLinks), PIX, PXB, PHB, NODE, SYS.

    Other columns (network cards, affinities) are passed over. Raises Unparsable for a matrix that is not square.
    """
    header: list[str] = []
    found: dict[str, dict[str, str]] = {}
    for line in lines(SOURCE, text):
        cells = [cell.strip() for cell in line.split("\t")]
        if not header and _GPU.fullmatch(cells[0]) is None and any(_GPU.fullmatch(cell) for cell in cells):
            header = cells
        elif header and _GPU.fullmatch(cells[0]):
            row = {name: cell for name, cell in zip(header, cells, strict=False) if _GPU.fullmatch(name)}
            if cells[0] in found or not all(_WAY.fullmatch(cell) for cell in row.values()):
                raise unparsable(SOURCE, line)
            found[cells[0]] = row
    if not found or any(set(row) != set(found) or row[name] != "X" for name, row in found.items()):
        raise unparsable(SOURCE, "\t".join(header), "no square of GPUs below")
    return {name: {other: way for other, way in row.items() if other != name} for name, row in found.items()}
