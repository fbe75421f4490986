"""npu-smi's details of one card: `info -t common|health|board|ecc|work-mode|hccs -i N`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.accelerators.npu_smi import Health
from dlws.parse.accelerators.npu_smi import health as health_word
from dlws.parse.text import lines, number, unparsable

_PAIR = re.compile(r"\s*([A-Za-z][^:]{1,60}?)\s*:\s*(.*)")
_MORE = re.compile(r"\s+:\s*(.*)")
"""A further value of the key before it: npu-smi writes one line for each fault code's information."""
_TEXT = "error information"
"""The key of a sentence, which a narrow terminal goes on with in the next line."""
_UNTOLD = "Failed to get error information for error code"
"""How a line begins that stands for the sentence about a code; there is one for each (hicann/driver)."""
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
        block = blocks[-1] if blocks else head
        if (more := _MORE.fullmatch(line)) is not None:
            block[list(block)[-1]] += f"; {more[1]}"
            continue
        if (pair is None or line.startswith(_UNTOLD)) and list(block)[-1:] == [_TEXT]:
            block[_TEXT] += f" {line.strip()}"
            continue
        if pair is None:
            raise unparsable(source, line)
        key = pair[1].lower()
        if key in first:
            block = {}
            blocks.append(block)
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
    """The health of one chip, with its fault codes in upper case (`80C98001`); no codes if npu-smi prints NA.

    The tool prints a code without leading zeros: `5301` is one too.
    """

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
    if codes is None or re.fullmatch(r"NA|[0-9A-Fa-f]{4,8}(?:[\s,]+[0-9A-Fa-f]{4,8})*", codes) is None:
        raise unparsable(source, codes or "", "no Error Code")
    error_codes = () if codes == "NA" else tuple(code.upper() for code in re.split(r"[\s,]+", codes))
    word = block.get("health status") or block.get("health", "")
    return ChipHealth(health_word(word, f"Health Status : {word}"), error_codes, block.get("error information", ""))


@dataclass(frozen=True, slots=True)
class Board:
    """Driver (`software`) and firmware of a card; `compatible` is the tool's verdict on them, None if it has none."""

    software: str
    firmware: str
    compatible: bool | None
    serial: str | None
    bus_id: str | None
    device_id: str | None


_COMPATIBLE = {"OK": True, "NOK": False, "NOT OK": False, "UNKNOWN": None, "NOT SUPPORT": None, "NA": None, "": None}
"""npu-smi's words. It says UNKNOWN of firmware from before 23.0.RC2, which no mapping of versions has."""


def board(text: str) -> Board:
    """`npu-smi info -t board -i N`: the versions and numbers of one card. Unparsable for another word on them."""
    source = "npu-smi info -t board"
    _, (block, *others) = _blocks(source, text, "npu id")
    if others or not block.get("software version") or not block.get("firmware version"):
        raise unparsable(source, ", ".join(block), "no one card's versions")
    compatibility = block.get("compatibility", "").upper()
    if compatibility not in _COMPATIBLE:
        raise unparsable(source, compatibility, "no word on compatibility")
    return Board(
        software=block["software version"],
        firmware=block["firmware version"],
        compatible=_COMPATIBLE[compatibility],
        serial=block.get("serial number"),
        bus_id=block.get("pcie bus info"),
        device_id=block.get("pci device id"),
    )


_FAULTY = re.compile(r"\s*(?:Faulty Chip Count|Chip Fault)\s*:\s*([0-9]{1,4})")


def faulty_chips(text: str) -> int:
    """`npu-smi info -t board -i N`: how many chips of the card npu-smi counts as faulty, 0 where it counts none (NA).

    The line's name differs between models (hicann/driver, npu_info_print.c).
    """
    counts = [row[1] for row in map(_FAULTY.fullmatch, lines("npu-smi info -t board", text)) if row is not None]
    return sum(map(int, counts))


@dataclass(frozen=True, slots=True)
class Ecc:
    """Memory error counts of one chip, HBM and DDR together: since power-on, lifetime (`total`), retired pages."""

    single: int
    double: int
    single_total: int
    double_total: int
    single_pages: int
    double_pages: int


_ECC_KEYS = (
    "single bit error count",
    "double bit error count",
    "single bit aggregate total err cnt",
    "double bit aggregate total err cnt",
    "single bit isolated pages count",
    "double bit isolated pages count",
)
_MEMORIES = ("hbm", "ddr")
_OF_310 = {"single-bit error count": f"ddr {_ECC_KEYS[0]}", "double-bit error count": f"ddr {_ECC_KEYS[1]}"}
"""What npu-smi calls the counters of a 310, whose only memory is its DDR (hicann/driver, npu_info_print.c)."""


def ecc(text: str) -> tuple[Ecc, ...]:
    """`npu-smi info -t ecc -i N`: the counters of each chip: of its HBM, its DDR (310P) or both (910A).

    Raises Unparsable for a chip without counters, and if one of the HBM is missing or NA; a DDR of which all counters
    are NA is not there. A 310 counts what came since power-on alone.
    """
    source = "npu-smi info -t ecc"
    head: Block = {}
    blocks: list[Block] = []
    for line in lines(source, text):
        pair = _PAIR.fullmatch(line)
        key = pair[1].lower() if pair is not None else ""
        if (pair is None and not head) or line.startswith("[WARNING]"):
            continue
        if pair is None:
            raise unparsable(source, line)
        if not key.endswith((*_ECC_KEYS, *_OF_310)):
            head[key] = pair[2]
            continue
        if not blocks or key in blocks[-1]:
            blocks.append({})
        blocks[-1][key] = pair[2]
    if not blocks:
        raise unparsable(source, text, f"no hbm {_ECC_KEYS[0]}")
    if "chip count" in head:
        _all_chips(source, head, blocks)
    return tuple(_counters(source, block) for block in blocks)


def _counters(source: str, block: Block) -> Ecc:
    """The sum of the memories of one chip."""
    if _OF_310.keys() <= block.keys():
        block = dict.fromkeys((f"ddr {key}" for key in _ECC_KEYS), "0") | {
            new: block[old] for old, new in _OF_310.items()
        }
    there = [memory for memory in _MEMORIES if any(key.startswith(memory) for key in block)]
    if "ddr" in there and {block.get(f"ddr {key}") for key in _ECC_KEYS} <= {"NA", None}:
        there.remove("ddr")
    if not there:
        raise unparsable(source, ", ".join(block), f"no hbm {_ECC_KEYS[0]}")
    return Ecc(*(sum(number(source, block.get(f"{m} {key}", f"no {m} {key}")) for m in there) for key in _ECC_KEYS))


def work_mode(text: str) -> str:
    """`npu-smi info -t work-mode -i N`: `AMP` or `SMP`."""
    source = "npu-smi info -t work-mode"
    _, (block, *others) = _blocks(source, text, "work-mode")
    if others or block["work-mode"] not in ("AMP", "SMP"):
        raise unparsable(source, block["work-mode"])
    return block["work-mode"]


@dataclass(frozen=True, slots=True)
class Hccs:
    """A chip's links to the others of its server: whether npu-smi calls them sound, and how many lanes each has.

    `used` is how many of them each sends by; as many as it has where npu-smi does not list them.
    """

    is_sound: bool
    lanes: tuple[int, ...]
    used: tuple[int, ...]

    @property
    def narrowed(self) -> dict[int, int]:
        """By number the lanes of the links that use fewer than others of the chip; one that has none is not wired."""
        most = max(self.lanes)
        pairs = enumerate(zip(self.lanes, self.used, strict=True))
        return {link: min(pair) for link, pair in pairs if pair[0] and min(pair) < most}


def hccs(text: str) -> Hccs:
    """`npu-smi info -t hccs -i N -c C` (hicann/driver, npu_info_print_ext.c). Unparsable for another word on health."""
    source = "npu-smi info -t hccs"
    rows = [pair for pair in map(_PAIR.fullmatch, lines(source, text)) if pair is not None]
    told = {row[1].lower(): row[2] for row in rows}
    lanes = re.fullmatch(r"\[((?: *[0-9])+) *\]", told.get("hccs lane mode", ""))
    if told.get("hccs health status") not in ("OK", "NOK") or lanes is None or len(told) != len(rows):
        raise unparsable(source, text.strip().partition("\n")[0], "no health, or no lane mode")
    counts = tuple(map(int, lanes[1].split()))
    lists = re.fullmatch(r"\[((?: *[01]{4})+) *\]", told.get("hccs link lane list", ""))
    used = tuple(each.count("1") for each in lists[1].split()) if lists is not None else ()
    return Hccs(told["hccs health status"] == "OK", counts, used if len(used) == len(counts) else counts)


def _integer(source: str, block: Block, key: str) -> int | None:
    value = block.get(key)
    return None if value in (None, "NA", "N/A") else number(source, str(value))
