"""nvidia-smi: queries, the list of cards, and the table printed without arguments (runbook 2.1, 3.9).

There are two kinds of "no value": what a card does not have (`[N/A]`, `[Not Supported]`) becomes None; what could not
be read (`ERR!`, `[Unknown Error]`) becomes Unreadable, for which whoever needs that field raises Unknown. A message
instead of a row makes the entire output Unparsable.
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
    r"ERR!|Unknown Error|GPU is lost|Insufficient Permissions|GPU requires reset|\[[A-Z][A-Za-z/ -]{1,60}\]"
)
"""What stands for a field that could not be read: ERR!, and NVML's words for its errors, in brackets."""
_LOST = re.compile(
    r"Unable to determine the device handle for (?:GPU|gpu) ?[0-9]{0,4}:? ?"
    r"(?:[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])?: .+"
)
_WITHOUT_POWER = re.compile(
    r"This may be because not all required external power cables are|attached, or the attached cables are not seated.*"
)
"""How the sentence about a lost card goes on where the card lacks power."""
_CORRUPTED = re.compile(r"WARNING: infoROM is corrupted at gpu ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])")
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
_NO_DEVICES = ("No devices were found", "No devices found.")
_FAILED = re.compile(
    r"NVIDIA-SMI has failed because .+|NVIDIA-SMI couldn't find .+|Failed to initialize NVML: .+"
    r"|No devices (?:were )?found\.?"
)
"""What the tool says, whatever it was asked, of all cards at once; its exit status varies (6, 9, 18)."""


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


class Unreadable(str):
    """The mark of a field that could not be read: `ERR!`."""

    __slots__ = ()


def lost(text: str) -> list[str]:
    """The sentences about cards that do not answer. The tool's exit status beside them varies: 0, 6, 9, 15, 255."""
    return [line for line in lines(SOURCE, text) if _LOST.fullmatch(line)]


def failures(text: str) -> list[str]:
    """The sentences that say that no card answers: no driver, one of another version, or one that sees none."""
    return [line for line in lines(SOURCE, text) if _FAILED.fullmatch(line)]


def answer(out: str, err: str) -> str:
    """What the tool prints: its stdout, and what it says of cards on stderr, where some drivers put these sentences."""
    kinds, said = (_LOST, _FAILED, _CORRUPTED), lines(SOURCE, out)
    told = [line for line in lines(SOURCE, err) if line not in said and any(kind.fullmatch(line) for kind in kinds)]
    return "\n".join([out.rstrip("\n"), *told, ""]) if told else out


def has_no_devices(text: str) -> bool:
    """Whether the tool says that the driver sees no card."""
    return any(line.strip() in _NO_DEVICES for line in text.splitlines())


def corrupted_inforoms(text: str) -> list[str]:
    """The PCI addresses of cards whose infoROM is corrupted: of any question, with an exit status of 14 or 0."""
    return [row[1] for row in map(_CORRUPTED.fullmatch, lines(SOURCE, text)) if row is not None]


def without_warnings(text: str) -> str:
    """The answer without the warnings about corrupted infoROMs, which say nothing about other cards or fields."""
    return "".join(f"{line}\n" for line in text.splitlines() if not _CORRUPTED.fullmatch(line.strip()))


def query(text: str, fields: Sequence[str]) -> tuple[dict[str, str | None], ...]:
    """`nvidia-smi --query-gpu=FIELDS --format=csv,noheader,nounits`: the values of each card by field name.

    The first field distinguishes rows from messages, so it must identify the card: `index`, `uuid` or `gpu_uuid`.
    "No devices were found" yields no rows. Raises ValueError for another first field, and Unparsable for empty output
    and other messages, a lost card's among them.
    """
    if fields[0] not in ("index", "uuid", "gpu_uuid"):
        raise ValueError(f"the first field must identify the card, not {fields[0]}")
    found = lines(SOURCE, without_warnings(text))
    if len(found) == 1 and found[0] in _NO_DEVICES:
        return ()
    if not found:
        raise unparsable(SOURCE, why="no output")
    rows = tuple(_row(line, fields) for line in found)
    if len({row[fields[0]] for row in rows}) != len(rows):
        raise unparsable(SOURCE, found[0], "a card twice")
    return rows


def unreadable(text: str) -> list[str]:
    """The cards of such a query that are lost or have a field that could not be read, such as `GPU 3: ERR!`."""
    rows = [line.split(",") for line in lines(SOURCE, without_warnings(text))]
    marks = [(row[0].strip(), next((v.strip() for v in row if _is_unreadable(v.strip())), None)) for row in rows]
    return [f"GPU {index}: {mark}" if index.isdecimal() else mark for index, mark in marks if mark is not None]


def gpus(text: str) -> tuple[Gpu, ...]:
    """`query` for GPU_FIELDS, typed. Raises Unparsable if any field but the serial number is missing or malformed."""
    return tuple(_gpu(row) for row in query(text, GPU_FIELDS))


def listed(text: str) -> tuple[str, ...]:
    """`nvidia-smi -L`: the UUID of each card that answers, in order, without MIG instances (which are indented).

    A card that is lost has a sentence, in the place of its row or elsewhere, and no UUID: its number may be left out.
    """
    found = lines(SOURCE, without_warnings(text))
    if len(found) == 1 and found[0] in _NO_DEVICES:
        return ()
    beside = re.compile(rf"\s+MIG .*\(UUID: MIG-\S+\)|{_WITHOUT_POWER.pattern}")
    cards = [line for line in found if not beside.fullmatch(line) and not _LOST.fullmatch(line)]
    missing = len(lost(text))
    if not cards and not missing:
        raise unparsable("nvidia-smi -L", why="no output")
    uuids, following = [], 0
    for before, line in enumerate(cards):
        row = re.fullmatch(r"GPU ([0-9]{1,4}): .+ \(UUID: (GPU-[0-9a-f-]{8,})\)", line)
        if row is None or not following <= int(row[1]) <= before + missing:
            raise unparsable("nvidia-smi -L", line)
        uuids.append(row[2])
        following = int(row[1]) + 1
    return tuple(uuids)


@dataclass(frozen=True, slots=True)
class Table:
    """The plain table: driver, highest CUDA version it supports, bus ids of the cards.

    `cuda` is None before driver 410, and in a container without libcuda (N/A, ERR!).
    """

    driver: str
    cuda: str | None
    bus_ids: tuple[str, ...]


_BANNER = re.compile(
    r"\|\s*NVIDIA-SMI [0-9.]{1,20}\s+(?:Driver|KMD) Version: ([0-9.]{1,20})\s+"
    r"(?:CUDA (?:UMD )?Version: ([0-9.]{1,20}|N/A|ERR!)\s*)?\|"
)
_CARD = re.compile(r"\|\s+[0-9]{1,4}\s+\S.*\|\s+([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])\s+\S+\s*\|.*")


def table(text: str) -> Table:
    """`nvidia-smi` without arguments, drivers 390 to 610. Raises Unparsable if cut off before the process table."""
    first, *rows = lines_from(SOURCE, text, _BANNER)
    end = next((index for index, line in enumerate(rows) if re.fullmatch(r"\|\s*Processes:.*", line)), None)
    if end is None:
        raise unparsable(SOURCE, rows[-1] if rows else first, "cut off after")
    broken = next((line for line in rows[:end] if _UNREADABLE.search(line)), None)
    if broken is not None:
        raise unparsable(SOURCE, broken)
    banner = _BANNER.fullmatch(first)
    cards = [line for line in rows[:end] if re.fullmatch(r"\|\s+[0-9]{1,4}\s.*", line)]
    bus_ids = {card[1]: line for line, card in zip(cards, map(_CARD.fullmatch, cards), strict=True) if card is not None}
    if banner is None or not cards or len(bus_ids) != len(cards):
        raise unparsable(SOURCE, cards[-1] if cards else first, "no card, or one not understood or twice")
    return Table(banner[1], banner[2] if banner[2] not in ("N/A", "ERR!") else None, tuple(bus_ids))


def _row(line: str, fields: Sequence[str]) -> dict[str, str | None]:
    values = [value.strip() for value in line.split(",")]
    if len(values) != len(fields) or not all(values):
        raise unparsable(SOURCE, line)
    row = {field: value(word) for field, word in zip(fields, values, strict=True)}
    if row[fields[0]] is None or isinstance(row[fields[0]], Unreadable):
        raise unparsable(SOURCE, line)
    for field, told in row.items():
        is_told = told is not None and not isinstance(told, Unreadable)
        if is_told and field in _FORMS and _FORMS[field].fullmatch(str(told)) is None:
            raise unparsable(SOURCE, line)
    return row


def value(text: str) -> str | None:
    """A field as the tool prints it: None for what the card does not have, Unreadable for what could not be read."""
    if _ABSENT.fullmatch(text):
        return None
    return Unreadable(text) if _is_unreadable(text) else text


def _is_unreadable(text: str) -> bool:
    return _ABSENT.fullmatch(text) is None and _UNREADABLE.search(text) is not None


def _gpu(row: dict[str, str | None]) -> Gpu:
    index, name, uuid, serial, driver, bus_id, memory = (row[field] for field in GPU_FIELDS)
    needed = (name, uuid, driver, bus_id, memory)
    if None in needed or any(isinstance(value, Unreadable) for value in (*needed, serial)):
        raise unparsable(SOURCE, ", ".join(map(str, row.values())))
    return Gpu(int(str(index)), str(name), str(uuid), serial, str(driver), str(bus_id), int(str(memory)))
