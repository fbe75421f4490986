"""nvidia-smi: queries, the list of cards, and the table printed without arguments (runbook 2.1, 3.9).

There are two kinds of "no value": what a card does not have (`[N/A]`, `[Not Supported]`) becomes None; what could not
be read (`ERR!`, `[Unknown Error]`, a lost card) makes the entire output Unparsable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dlws.parse.text import lines, lines_from, unparsable

SOURCE = "nvidia-smi"
GPU_FIELDS = ("index", "name", "uuid", "serial", "driver_version", "pci.bus_id", "memory.total")
_ABSENT = re.compile(r"\[?(?:N/A|Not Supported|Requested functionality has been deprecated)\]?")
_UNREADABLE = re.compile(
    r"ERR!|\[?Unknown Error\]?|\[?GPU is lost\]?|\[?Insufficient Permissions\]?|\[?GPU requires reset\]?|\[Unknown\]"
)
_WHOLE = re.compile(r"[0-9]{1,19}")
_WATTS = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,2})?")
_SWITCH = re.compile(r"Enabled|Disabled")
_ANSWER = re.compile(r"Yes|No|0|1")
_BITS = re.compile(r"0x[0-9A-Fa-f]{1,16}")
_FORMS = {
    "index": re.compile(r"[0-9]{1,4}"),
    "uuid": re.compile(r"GPU-[0-9a-f-]{8,}"),
    "gpu_uuid": re.compile(r"GPU-[0-9a-f-]{8,}"),
    "driver_version": re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}"),
    "pci.bus_id": re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9]"),
    "memory.total": _WHOLE,
    "memory.used": _WHOLE,
    "utilization.gpu": re.compile(r"[0-9]{1,3}"),
    "temperature.gpu": re.compile(r"[0-9]{1,3}"),
    "power.limit": _WATTS,
    "power.default_limit": _WATTS,
    "persistence_mode": _SWITCH,
    "ecc.mode.current": _SWITCH,
    "mig.mode.current": _SWITCH,
    "ecc.errors.corrected.volatile.total": _WHOLE,
    "ecc.errors.uncorrected.volatile.total": _WHOLE,
    "ecc.errors.uncorrected.aggregate.total": _WHOLE,
    "retired_pages.single_bit_ecc.count": _WHOLE,
    "retired_pages.double_bit.count": _WHOLE,
    "retired_pages.pending": _ANSWER,
    "remapped_rows.uncorrectable": _WHOLE,
    "remapped_rows.pending": _ANSWER,
    "remapped_rows.failure": _ANSWER,
    "pcie.link.width.current": re.compile(r"[0-9]{1,2}"),
    "pcie.link.width.max": re.compile(r"[0-9]{1,2}"),
    "clocks_throttle_reasons.active": _BITS,
    "clocks_event_reasons.active": _BITS,
}
_NO_DEVICES = "No devices were found"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. `bus_id` as in NVML (`00000000:1A:00.0`); `memory` in MiB; `serial` is None on consumer cards."""

    index: int
    name: str
    uuid: str
    serial: str | None
    driver: str
    bus_id: str
    memory: int


def query(text: str, fields: Sequence[str]) -> tuple[dict[str, str | None], ...]:
    """`nvidia-smi --query-gpu=FIELDS --format=csv,noheader,nounits`: the values of each card by field name.

    The first field distinguishes rows from messages, so it must identify the card: `index`, `uuid` or `gpu_uuid`.
    "No devices were found" yields no rows. Raises ValueError for another first field, and Unparsable for empty output
    and other messages.
    """
    if fields[0] not in ("index", "uuid", "gpu_uuid"):
        raise ValueError(f"the first field must identify the card, not {fields[0]}")
    found = lines(SOURCE, text)
    if found == [_NO_DEVICES]:
        return ()
    if not found:
        raise unparsable(SOURCE, why="no output")
    rows = tuple(_row(line, fields) for line in found)
    if len({row[fields[0]] for row in rows}) != len(rows):
        raise unparsable(SOURCE, found[0], "a card twice")
    return rows


def unreadable(text: str) -> list[str]:
    """The cards of such a query that are lost or have a field that could not be read, such as `GPU 3: ERR!`."""
    rows = [line.split(",") for line in lines(SOURCE, text)]
    marks = [(row[0].strip(), next((v.strip() for v in row if _UNREADABLE.search(v)), None)) for row in rows]
    return [f"GPU {index}: {mark}" if index.isdecimal() else mark for index, mark in marks if mark is not None]


def gpus(text: str) -> tuple[Gpu, ...]:
    """`query` for GPU_FIELDS, typed. Raises Unparsable if any field but the serial number is missing or malformed."""
    return tuple(_gpu(row) for row in query(text, GPU_FIELDS))


def listed(text: str) -> tuple[str, ...]:
    """`nvidia-smi -L`: the UUID of each card, in order, without MIG instances (which are indented)."""
    found = lines(SOURCE, text)
    if found == [_NO_DEVICES]:
        return ()
    cards = [line for line in found if not re.match(r"\s+MIG .*\(UUID: MIG-\S+\)$", line)]
    rows = [re.fullmatch(r"GPU ([0-9]{1,4}): .+ \(UUID: (GPU-[0-9a-f-]{8,})\)", line) for line in cards]
    for number, (line, row) in enumerate(zip(cards, rows, strict=True)):
        if row is None or int(row[1]) != number:
            raise unparsable("nvidia-smi -L", line)
    if not cards:
        raise unparsable("nvidia-smi -L", why="no output")
    return tuple(row[2] for row in rows if row is not None)


@dataclass(frozen=True, slots=True)
class Table:
    """The plain table: driver, highest CUDA version it supports, bus ids of the cards.

    `cuda` is None before driver 410, and in a container without libcuda (N/A, ERR!).
    """

    driver: str
    cuda: str | None
    bus_ids: tuple[str, ...]


_BANNER = re.compile(
    r"^\|\s*NVIDIA-SMI [0-9.]+\s+Driver Version: ([0-9.]+)\s+(?:CUDA Version: ([0-9.]+|N/A|ERR!)\s*)?\|$"
)
_CARD = re.compile(r"\|\s+[0-9]{1,4}\s+\S.*\|\s+([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])\s+\S+\s*\|.*\|")


def table(text: str) -> Table:
    """`nvidia-smi` without arguments, drivers 390 to 580. Raises Unparsable if cut off before the process table."""
    rows = lines_from(SOURCE, text, _BANNER)
    end = next((index for index, line in enumerate(rows) if re.match(r"\|\s*Processes:", line)), None)
    if end is None:
        raise unparsable(SOURCE, rows[-1], "cut off after")
    broken = next((line for line in rows[1:end] if _UNREADABLE.search(line)), None)
    if broken is not None:
        raise unparsable(SOURCE, broken)
    banner = re.fullmatch(_BANNER, rows[0])
    cards = [line for line in rows[:end] if re.match(r"\|\s+[0-9]{1,4}\s", line)]
    bus_ids = {card[1]: line for line, card in zip(cards, map(_CARD.fullmatch, cards), strict=True) if card is not None}
    if banner is None or not cards or len(bus_ids) != len(cards):
        raise unparsable(SOURCE, cards[-1] if cards else rows[0], "no card, or one not understood or twice")
    return Table(banner[1], banner[2] if banner[2] not in ("N/A", "ERR!") else None, tuple(bus_ids))


def _row(line: str, fields: Sequence[str]) -> dict[str, str | None]:
    values = [value.strip() for value in line.split(",")]
    broken = any(_UNREADABLE.search(value) for value in values)
    if broken or len(values) != len(fields) or not all(values):
        raise unparsable(SOURCE, line)
    row = {field: None if _ABSENT.fullmatch(value) else value for field, value in zip(fields, values, strict=True)}
    if row[fields[0]] is None:
        raise unparsable(SOURCE, line)
    for field, value in row.items():
        if value is not None and field in _FORMS and _FORMS[field].fullmatch(value) is None:
            raise unparsable(SOURCE, line)
    return row


def _gpu(row: dict[str, str | None]) -> Gpu:
    index, name, uuid, serial, driver, bus_id, memory = (row[field] for field in GPU_FIELDS)
    if None in (index, name, uuid, driver, bus_id, memory):
        raise unparsable(SOURCE, str(row))
    return Gpu(int(str(index)), str(name), str(uuid), serial, str(driver), str(bus_id), int(str(memory)))
