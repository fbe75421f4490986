"""/proc/swaps: the swap areas in use (runbook 3.11; kubeadm preflight "Swap")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, unescaped, unparsable

SOURCE = "/proc/swaps"
_HEADER = re.compile(r"Filename\s+Type\s+Size\s+Used\s+Priority$")
_ROW = re.compile(r"(\S+)\s+(\S+)\s+([0-9]{1,18})\s+([0-9]{1,18})\s+(-?[0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class SwapArea:
    """One area: device or file, `partition` or `file`, sizes in bytes."""

    path: str
    kind: str
    size: int
    used: int
    priority: int


def parse(text: str) -> tuple[SwapArea, ...]:
    """The areas in use. Raises Unparsable without the header, so that empty output is not read as "no swap"."""
    areas = []
    for line in lines_from(SOURCE, text, _HEADER)[1:]:
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(SOURCE, line)
        areas.append(SwapArea(unescaped(row[1]), row[2], int(row[3]) * 1024, int(row[4]) * 1024, int(row[5])))
    return tuple(areas)
