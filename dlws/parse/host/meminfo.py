"""/proc/meminfo and nproc: sizes of memory and swap, and the number of CPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines_from, number, only_line, unparsable

SOURCE = "/proc/meminfo"
_START = re.compile("MemTotal:")
_ROW = re.compile(r"(\S+):\s+([0-9]{1,19})(?: kB)?")


@dataclass(frozen=True, slots=True)
class MemInfo:
    """Sizes in bytes."""

    total: int
    available: int
    swap_total: int


def parse(text: str) -> MemInfo:
    """/proc/meminfo, whose unit "kB" is 1024 bytes."""
    values: dict[str, int] = {}
    for line in lines_from(SOURCE, text, _START):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(SOURCE, line)
        values[row[1]] = number(SOURCE, row[2]) * 1024
    try:
        return MemInfo(values["MemTotal"], values["MemAvailable"], values["SwapTotal"])
    except KeyError as missing:
        raise unparsable(SOURCE, why=f"no {missing}") from missing


def nproc(text: str) -> int:
    """`nproc`: the number of processing units available to a process."""
    return number("nproc", only_line("nproc", text))
