"""npu-smi's details of one card: `info -t common|health|board|ecc|work-mode -i N`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.accelerators.npu_smi import Health
from dlws.parse.accelerators.npu_smi import health as health_word
from dlws.parse.text import lines, number, unparsable

_PAIR = re.compile(r"\s*([A-Za-z][^:]*?)\s*:\s*(.*)")
Block = dict[str, str]


def _blocks(source: str, text: str, *first: str) -> tuple[Block, list[Block]]:
    """The key-value pairs before the first occurrence of a key of `first`, and one block per occurrence.

    Keys are lower-cased, as their spelling differs between versions. Raises Unparsable if there is no block.
    """
    head: Block = {}
    blocks: list[Block] = []
    started = False
    for line in lines(source, text):
        pair = _PAIR.fullmatch(line)
        started = started or (pair is not None and pair[1].lower() in ("npu id", "health status", "health"))
        if not started or line.startswith("[WARNING]"):
            continue
        if pair is None:
            raise unparsable(source, line)
        key = pair[1].lower()
        if key in first:
            blocks.append({})
        block = blocks[-1] if blocks else head
        if key in block:
            raise unparsable(source, line, "twice")
        block[key] = pair[2]
    if not blocks:
        raise unparsable(source, text, f"no {first[0]}")
    return head, blocks


def _all_chips(source: str, head: Block, blocks: list[Block]) -> list[Block]:
    """The blocks, if their number equals the card's own "Chip Count". Raises Unparsable otherwise."""
    count = head.get("chip count")
    if count is None or number(source, count) != len(blocks):
        raise unparsable(source, count or "", f"{len(blocks)} chips where the card's own count is")
    return blocks


@dataclass(frozen=True, slots=True)
class Common:
    """One chip: rates in percent, frequencies in MHz, temperature in Celsius, power in W. None: not reported."""

    chip: int
    memory_percent: int | None
    hbm_percent: int | None
    aicore_percent: int | None
    aicore_freq: int | None
    aicore_cur_freq: int | None
    temperature: int
    power: float | None


def common(text: str) -> tuple[Common, ...]:
    """`npu-smi info -t common -i N`: each chip of the card, without the MCU, whose block has no Chip ID."""
    source = "npu-smi info -t common"
    head, blocks = _blocks(source, text, "chip id", "chip name")
    chips = [block for block in blocks if "chip id" in block]
    return tuple(_common(source, block) for block in _all_chips(source, head, chips))


def _common(source: str, block: Block) -> Common:
    temperature = _integer(source, block, "temperature(c)")
    if temperature is None:
        raise unparsable(source, why="no Temperature(C)")
    power = block.get("npu real-time power(w)")
    if power is not None and re.fullmatch(r"[0-9]{1,5}(?:\.[0-9]{1,3})?|NA", power) is None:
        raise unparsable(source, power)
    return Common(
        chip=number(source, block["chip id"]),
        memory_percent=_integer(source, block, "memory usage rate(%)"),
        hbm_percent=_integer(source, block, "hbm usage rate(%)"),
        aicore_percent=_integer(source, block, "aicore usage rate(%)"),
        aicore_freq=_integer(source, block, "aicore freq(mhz)"),
        aicore_cur_freq=_integer(source, block, "aicore curfreq(mhz)"),
        temperature=temperature,
        power=None if power in (None, "NA") else float(str(power)),
    )


@dataclass(frozen=True, slots=True)
class ChipHealth:
    """The health of one chip, with its fault codes in upper case (`80C98001`); no codes if npu-smi prints NA."""

    health: Health
    error_codes: tuple[str, ...]
    information: str


def health(text: str) -> ChipHealth:
    """`npu-smi info -t health -i N -c C`: the health of one chip.

    Without `-c` the output is about the card, where the MCU's OK can hide a chip's alarm. Raises Unparsable for such
    output, recognised by its NPU ID, Chip ID or second status.
    """
    source = "npu-smi info -t health -c"
    head, (block, *others) = _blocks(source, text, "health status", "health")
    if head or others or block.keys() & {"npu id", "chip id", "chip name", "chip count"}:
        raise unparsable(source, ", ".join(head or block), "not about one chip")
    codes = block.get("error code")
    if codes is None or re.fullmatch(r"NA|[0-9A-Fa-f]{8}(?:[ ,]+[0-9A-Fa-f]{8})*", codes) is None:
        raise unparsable(source, codes or "", "no Error Code")
    error_codes = () if codes == "NA" else tuple(code.upper() for code in re.split(r"[ ,]+", codes))
    word = block.get("health status") or block.get("health", "")
    return ChipHealth(health_word(word, f"Health Status : {word}"), error_codes, block.get("error information", ""))


@dataclass(frozen=True, slots=True)
class Board:
    """Driver (`software`) and firmware of a card; `compatible` is the tool's verdict on them, None if not given."""

    software: str
    firmware: str
    compatible: bool | None
    serial: str | None
    bus_id: str | None
    device_id: str | None


def board(text: str) -> Board:
    """`npu-smi info -t board -i N`: the versions and numbers of one card."""
    source = "npu-smi info -t board"
    _, (block, *others) = _blocks(source, text, "npu id")
    if others or not block.get("software version") or not block.get("firmware version"):
        raise unparsable(source, ", ".join(block), "no one card's versions")
    compatibility = block.get("compatibility")
    return Board(
        software=block["software version"],
        firmware=block["firmware version"],
        compatible=None if compatibility in (None, "NA", "") else compatibility == "OK",
        serial=block.get("serial number"),
        bus_id=block.get("pcie bus info"),
        device_id=block.get("pci device id"),
    )


@dataclass(frozen=True, slots=True)
class Ecc:
    """HBM error counts of one chip: since power-on, over its lifetime (`total`), and of retired pages."""

    single: int
    double: int
    single_total: int
    double_total: int
    single_pages: int
    double_pages: int


_ECC_KEYS = (
    "hbm single bit error count",
    "hbm double bit error count",
    "hbm single bit aggregate total err cnt",
    "hbm double bit aggregate total err cnt",
    "hbm single bit isolated pages count",
    "hbm double bit isolated pages count",
)


def ecc(text: str) -> tuple[Ecc, ...]:
    """`npu-smi info -t ecc -i N`: the HBM counters of each chip. Raises Unparsable if one is missing or NA."""
    source = "npu-smi info -t ecc"
    head, blocks = _blocks(source, text, _ECC_KEYS[0])
    if "chip count" in head:
        _all_chips(source, head, blocks)
    return tuple(Ecc(*(number(source, block.get(key, f"no {key}")) for key in _ECC_KEYS)) for block in blocks)


def work_mode(text: str) -> str:
    """`npu-smi info -t work-mode -i N`: `AMP` or `SMP`."""
    source = "npu-smi info -t work-mode"
    _, (block, *others) = _blocks(source, text, "work-mode")
    if others or block["work-mode"] not in ("AMP", "SMP"):
        raise unparsable(source, block["work-mode"])
    return block["work-mode"]


def _integer(source: str, block: Block, key: str) -> int | None:
    value = block.get(key)
    return None if value in (None, "NA", "N/A") else number(source, str(value))
