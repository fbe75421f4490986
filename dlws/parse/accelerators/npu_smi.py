"""npu-smi's tables: `info`, `info -l`, `info -m`. Formats: 20.0 to 26.0 on 910, 910B, A3, 310P."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dlws.parse.text import lines, lines_from, number, unparsable

SOURCE = "npu-smi info"


class Health(Enum):
    """A chip's health as npu-smi reports it. UNKNOWN is its word for one that does not exist or has not started."""

    OK = "OK"
    WARNING = "WARNING"
    ALARM = "ALARM"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of the table. Power in W, temperature in Celsius, memory in MB; None where npu-smi prints NA.

    `hbm_total` is None on chips without HBM (310, 310P).
    """

    npu: int
    chip: int
    name: str
    health: Health
    power: float | None
    temperature: int | None
    bus_id: str
    aicore_percent: int
    hbm_used: int | None
    hbm_total: int | None


@dataclass(frozen=True, slots=True)
class Info:
    """The table: npu-smi's own version, the driver's version, and the chips in table order."""

    tool: str
    driver: str
    chips: tuple[Chip, ...]


_BANNER = re.compile(r"\|\s*npu-smi (([0-9]{1,4})\S*)\s+Version:\s*(\S+)\s*\|")
_BORDER = re.compile(r"\+[-=+|]{20,}\+")
_HEADER = re.compile(r"\|\s*(?:NPU\s+Name|Chip(?:\s+Device|\s+Phy-ID)?)\s*\|\s*(?:Health|Bus-Id)\s*\|.*")
_PROCESSES = re.compile(r"\|\s*NPU.*\|\s*Process id\s*\|.*")
_FIRST = re.compile(
    r"\|\s*([0-9]{1,6})\s+(\S(?:[^|]*\S)?)\s*\|\s*([A-Za-z]{1,20})\s*\|\s*([0-9]{1,4}\.?[0-9]{0,3}|NA|-)\s+([0-9]{1,3}|NA|-)"
    r"(?:\s+[0-9]{1,9}\s*/\s*[0-9]{1,9})?\s*\|"
)
_SECOND = re.compile(
    r"\|\s*([0-9]{1,4})(?:\s+[0-9]{1,4})?\s*\|\s*([0-9A-F]{4}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-9A-F]|NA)\s*"
    r"\|\s*([0-9]{1,3})\s+[0-9]{1,9}\s*/\s*[0-9]{1,9}(?:\s+([0-9]{1,9})\s*/\s*([0-9]{1,9}))?\s*\|"
)


def info(text: str) -> Info:
    """`npu-smi info`. Each chip has two rows. The process table (since 23), whose rows look similar, is not read.

    Raises Unparsable for a chip with one row, a table without its closing border and, since 23, without processes.
    """
    banner, *rows = lines_from(SOURCE, text, _BANNER)
    versions = _BANNER.fullmatch(banner)
    end = next((index for index, row in enumerate(rows) if _PROCESSES.fullmatch(row)), None)
    if versions is None or (end is None and int(versions[2]) >= 23):
        raise unparsable(SOURCE, rows[-1] if rows else banner, "cut off after")
    table = [row for row in rows[:end] if not _HEADER.fullmatch(row) and not row.startswith("[WARNING]")]
    if not table or not _BORDER.fullmatch(table[-1]):
        raise unparsable(SOURCE, table[-1] if table else banner, "cut off after")
    cells = [row for row in table if not _BORDER.fullmatch(row)]
    chips = tuple(_chip(first, second) for first, second in zip(cells[::2], [*cells[1::2], ""], strict=False))
    cards_by_bus: dict[str, set[int]] = {}  # both chips of an Atlas 300I Duo are behind one function
    for chip in (one for one in chips if one.bus_id != "NA"):
        cards_by_bus.setdefault(chip.bus_id, set()).add(chip.npu)
    is_ambiguous = any(len(cards) > 1 for cards in cards_by_bus.values())
    if not chips or is_ambiguous or len({(chip.npu, chip.chip) for chip in chips}) != len(chips):
        raise unparsable(SOURCE, banner, "no chips, or one twice, under")
    return Info(versions[1], versions[3], chips)


def _chip(first: str, second: str) -> Chip:
    upper, lower = _FIRST.fullmatch(first), _SECOND.fullmatch(second)
    if upper is None or lower is None:
        raise unparsable(SOURCE, first if upper is None else second or first)
    return Chip(
        npu=int(upper[1]),
        chip=int(lower[1]),
        name=upper[2],
        health=health(upper[3], first),
        power=None if upper[4] in ("NA", "-") else float(upper[4]),
        temperature=_count(upper[5]),
        bus_id=lower[2],
        aicore_percent=int(lower[3]),
        hbm_used=_count(lower[4]),
        hbm_total=_count(lower[5]),
    )


def _count(word: str | None) -> int | None:
    """A number; None for one that is not there, or that the tool does not know."""
    return None if word is None or word in ("NA", "-") else int(word)


def health(word: str, line: str) -> Health:
    """npu-smi's word for a chip's health, in any case. Raises Unparsable, quoting `line`, for any other word."""
    try:
        return Health(word.upper())
    except ValueError as error:
        raise unparsable(SOURCE, line) from error


_COUNT = re.compile(r"\s*(?:Total|Card|NPU) Count\s*:")
_NO_CARD = "There is no NPU card on this server."


def has_no_card(text: str) -> bool:
    """Whether npu-smi says, at any exit status, that the host has no card."""
    return any(line.strip() == _NO_CARD for line in lines(SOURCE, text))


def cards(text: str) -> dict[int, int]:
    """`npu-smi info -l`: the number of AI chips by NPU id (card); empty where the host has no card.

    Raises Unparsable for a card without a count of chips, and if the cards are not as many as the tool itself counts.
    """
    source = "npu-smi info -l"
    if has_no_card(text):
        return {}
    count, *rows = lines_from(source, text, _COUNT)
    pairs = [(key.strip(), value.strip()) for key, _, value in (row.partition(":") for row in rows)]
    ids = [number(source, value) for key, value in pairs if key == "NPU ID"]
    chips = [number(source, value) for key, value in pairs if key == "Chip Count"]
    if number(source, count.split(":")[1].strip()) != len(ids) or len(set(ids)) != len(ids):
        raise unparsable(source, count, f"{len(ids)} cards under")
    if len(chips) != len(ids) or 0 in chips:
        raise unparsable(source, count, f"{len(chips)} counts of chips under")
    return dict(zip(ids, chips, strict=True))


@dataclass(frozen=True, slots=True)
class ChipNumbers:
    """One AI chip: card and chip id as used by npu-smi, logical id (/dev/davinciN) and physical id."""

    npu: int
    chip: int
    logic: int
    phy: int | None
    name: str


_COLUMNS = re.compile(r"\s*NPU ID\s+Chip ID\s+Chip Logic ID\s+(Chip Phy-ID\s+)?Chip Name$")


def mapping(text: str) -> tuple[ChipNumbers, ...]:
    """`npu-smi info -m`: the AI chips, without rows whose logical id is `-` (the MCU); none where there is no card."""
    source = "npu-smi info -m"
    if has_no_card(text):
        return ()
    header, *rows = lines_from(source, text, _COLUMNS)
    has_phy = "Phy-ID" in header
    pattern = re.compile(
        r"\s*([0-9]{1,6})\s+([0-9]{1,4})\s+([0-9]{1,4}|-)\s+" + (r"([0-9]{1,4}|-)\s+" if has_phy else "()") + r"(\S.*)"
    )
    matches = [(line, pattern.match(line)) for line in rows if not line.startswith("[WARNING]")]
    chips = []
    for line, row in matches:
        if row is None:
            raise unparsable(source, line)
        if row[3] != "-":
            phy = int(row[4]) if row[4].isdecimal() else None
            chips.append(ChipNumbers(int(row[1]), int(row[2]), int(row[3]), phy, row[5]))
    if not chips:
        raise unparsable(source, header, "no chip under")
    return tuple(chips)
