"""The kernel log of a GPU host: the errors of NVIDIA's driver (Xid) and of its NVSwitches (SXid).

The severity is the vendor's: the words in the line itself (`Fatal`, `Nonfatal`, the recovery action of Xid 154), and
for a number without such a word NVIDIA's Xid catalogue (r590), by its "immediate action", or, of an SXid, the driver's
source (src/common/nvswitch): docs/upstream.md#generations-of-accelerators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "kernel log"
_ADDRESS = r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.[0-9])?"
_XID = re.compile(rf".*NVRM: Xid \((?:PCI:)?({_ADDRESS})(?: GPU-I:[0-9]+)?(?: GPU-CI:[0-9]+)?\): ([0-9]{{1,4}}),(.*)")
_SXID = re.compile(rf".*\bSXid \((?:PCI:)?({_ADDRESS})\): ([0-9]{{1,6}}), ?(.*)")
_STAMP = re.compile(r"\[ *([0-9]{1,10}\.[0-9]{6})\] .*")
_SEVERITY = re.compile(r"(?<![A-Za-z-])(Non-?fatal|Fatal)\b")
_PROCESS = re.compile(r"\s*pid=[^,]{0,40},(?:\s*name=[^,]{0,80},)?")
_RECOVERY = re.compile(r".* to 0x[0-9A-Fa-f]+ \(([^)]+)\).*")
_SWITCH_DETAIL = re.compile(r"(?:Severity|Data) .*")
"""What a switch writes after each error: its registers."""
_CORRECTED = "Correctable, "
"""How an SXid begins that the switch has repaired."""
_SHUTTING_DOWN = "Shutting Down"

SWITCH_FAULTS = frozenset({10006, 10007, 26001, 26002, 26006, 26008, 28005})
"""SXids without a word for their severity that tell of a switch that is down: it shut down for heat (10006, 28005), its
registers cannot be read (10007), its controller does not start (26001, 26002), has halted (26006) or hangs (26008)."""
SWITCH_HEAT = {10004: 10005, 28001: 28002, 28003: 28004}
"""SXids of a switch or a cable's module that got too hot, and what ends each: the last one counts."""

GRADED = frozenset(range(144, 151))
"""Errors of NVLink 5, each of which says itself whether it is fatal."""
RECOVERY = 154
"""Tells what the driver now needs to recover the card, in words: the last one counts."""
OFF_THE_BUS = 79
CATALOGUED = 172
"""The highest number of the catalogue."""
HARDWARE = (
    frozenset({46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143, 151, 155, 156, 158})
    | frozenset({54})  # check the power cable
    | frozenset({159, 167, 168, 169, 171, 172})  # without an action: details of an uncorrectable error, halts
    | frozenset({157, 161})  # nothing to be done at once, but no spare part is left for a repair: as 64
    | frozenset({56, 57, 58, 81})  # of cards before Ampere only
    | frozenset({173})  # younger than the catalogue: the driver calls it a fatal failure of the link to the CPU
)
"""Xids whose immediate action is to reset the card, to restart the host, or to look at the hardware, and repairs of it
that have failed.

Those of the application's own (13, 31, 43, 45, 68, 69, 94, ...), and those that are repaired (63), are not."""


@dataclass(frozen=True, slots=True, order=True)
class GraveError:
    """One error that says that the hardware needs somebody, in words: `79 on 0000:06:00`."""

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Errors:
    """What the log says of the hardware, in its order, and the lines that no rule understands."""

    grave: tuple[GraveError, ...]
    unread: tuple[str, ...]


def errors(text: str) -> Errors:
    """The errors of a log, whatever precedes `NVRM:`; lines about other things are skipped.

    A line that is not understood hides no other: it is among `unread`, and who finds nothing grave cannot know.
    """
    grave: list[GraveError] = []
    unread: list[str] = []
    recovery: dict[str, str] = {}
    hot: dict[tuple[str, int], GraveError] = {}
    for line in lines(SOURCE, text):
        xid, sxid, off = _XID.fullmatch(line), _SXID.fullmatch(line), _off_the_bus(line)
        if xid is not None:
            number, card, rest = int(xid[2]), xid[1], xid[3]
            if number == RECOVERY and (action := _RECOVERY.fullmatch(rest)) is not None:
                recovery[card] = action[1]
                continue
            is_grave, found = _is_hardware(number, rest), GraveError(number, f"{number} on {card}")
        elif sxid is not None:
            number, found = int(sxid[2]), GraveError(int(sxid[2]), f"SXid {sxid[2]} on {sxid[1]}")
            if (is_grave := _is_switch_fault(number, sxid[3])) is None and _is_heat(hot, found, sxid[1]):
                continue
        elif off is not None:
            is_grave, found = True, GraveError(OFF_THE_BUS, f"fallen off the bus: {off}")
        elif "NVRM: Xid" in line or "SXid" in line:
            is_grave = None
        else:
            continue
        if is_grave is None:
            unread.append(line)
        elif is_grave:
            grave.append(found)
    needed = ((card, action) for card, action in recovery.items() if action != "None")
    grave += [*hot.values(), *(GraveError(RECOVERY, f"{RECOVERY} on {card}: {action}") for card, action in needed)]
    return Errors(tuple(grave), tuple(unread))


def _is_switch_fault(number: int, rest: str) -> bool | None:
    """Whether an SXid says that the hardware needs somebody; None where neither its words nor its number tell."""
    if (word := _severity(rest)) is not None:
        return word == "fatal"
    if rest.startswith(_CORRECTED) or _SWITCH_DETAIL.fullmatch(rest):
        return False
    return True if number in SWITCH_FAULTS or (number in SWITCH_HEAT and _SHUTTING_DOWN in rest) else None


def _is_heat(hot: dict[tuple[str, int], GraveError], found: GraveError, switch: str) -> bool:
    """Whether an SXid tells that a switch gets too hot, or is so no more: `hot` has those that are."""
    for start, end in SWITCH_HEAT.items():
        if found.number == start:
            hot[switch, start] = found
        elif found.number == end:
            hot.pop((switch, start), None)
    return found.number in {*SWITCH_HEAT, *SWITCH_HEAT.values()}


def _off_the_bus(line: str) -> str | None:
    """The card that a line says to be lost, in its words; None for another line."""
    said = line.partition("NVRM: ")[2]
    if "fallen off the bus" not in said:
        return None
    address = re.search(_ADDRESS, said)
    return address[0] if address else "a GPU"


def _is_hardware(number: int, rest: str) -> bool | None:
    """Whether an Xid says that the hardware needs somebody; None where neither its words nor the catalogue tell."""
    if number == RECOVERY:
        return None
    if number in GRADED or number > CATALOGUED:
        word = _severity(rest)
        return word == "fatal" if word is not None else True if number in HARDWARE else None
    return number in HARDWARE


def _severity(rest: str) -> str | None:
    """The word in a line, behind the process that it names: whose name is anybody's choice."""
    process = _PROCESS.match(rest)
    word = _SEVERITY.search(rest, process.end() if process else 0)
    return None if word is None else "fatal" if word[1] == "Fatal" else "nonfatal"


def begins(text: str) -> float:
    """When the first line was logged, in seconds since boot, from `journalctl -o short-monotonic`."""
    first = next(iter(lines(SOURCE, text)), "")
    stamp = _STAMP.fullmatch(first)
    if stamp is None:
        raise unparsable(SOURCE, first, "no time since the boot")
    return float(stamp[1])
