"""`lscpu`: the processors of a host."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, number, unparsable

_ROW = re.compile(r"\s*([A-Z][^:]{1,60}):\s*(.*)")


@dataclass(frozen=True, slots=True)
class Processors:
    """`cpus` as the kernel counts them; `model` is empty if not reported (arm64 before util-linux 2.32).

    `sockets` and `nodes` are 0 if lscpu cannot determine them.
    """

    cpus: int
    model: str
    sockets: int
    nodes: int

    def __str__(self) -> str:
        sockets, nodes = self.sockets or "unknown", self.nodes or "unknown"
        return f"{self.cpus} CPUs, {self.model or 'no model'}, sockets {sockets}, NUMA nodes {nodes}"


def parse(text: str) -> Processors:
    """`LC_ALL=C lscpu`. Raises Unparsable if the line `CPU(s)` is missing."""
    values: dict[str, str] = {}
    for line in lines("lscpu", text):
        row = _ROW.fullmatch(line)
        if row:
            values.setdefault(row[1].strip(), row[2].strip())
    if "CPU(s)" not in values:
        raise unparsable("lscpu", text.strip().partition("\n")[0], "no CPU(s) in")
    counts = [values.get(name, "0") for name in ("CPU(s)", "Socket(s)", "NUMA node(s)")]
    cpus, sockets, nodes = (number("lscpu", "0" if count == "-" else count) for count in counts)
    return Processors(cpus, values.get("Model name", "").strip("-"), sockets, nodes)
