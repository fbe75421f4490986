"""`ipmitool sdr elist`: the sensors of a board's management controller."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_SEVERE = re.compile(r"(?:l|u)?(?:cr|nr)")
_FAULTS = frozenset(
    word
    for words in (
        "predictive failure asserted; install error; transition to degraded",  # generic
        "redundancy lost; redundancy degraded; redundancy degraded from fully redundant"
        "; redundancy degraded from non-redundant",
        "ierr; thermal trip; frb1/bist failure; frb2/hang in post failure; frb3/processor startup/init failure"
        "; sm bios uncorrectable cpu-complex error; uncorrectable machine check exception",  # CPU
        "failure detected; predictive failure; power supply ac lost; ac lost; ac out-of-range; input lost"
        "; soft-power control failure; soft power control failure; 240va power down",  # power supply, power unit
        "uncorrectable ecc; parity; memory scrub failed; memory device disabled; critical overtemperature"
        "; correctable ecc logging limit reached",  # memory
        "drive fault; in critical array; in failed array; rebuild aborted",
        "no system memory installed; no usable system memory; bios corruption detected; cpu voltage mismatch"
        "; cpu speed mismatch failure; undetermined system hardware failure",  # firmware, system event
        "bus timeout; i/o channel check nmi; pci perr; pci serr; bus uncorrectable error; fatal nmi; bus fatal error"
        "; bus degraded",  # critical interrupt
        "fault status; communication lost; sensor failure; fru failure; hardware incompatibility detected",
        "low; failed",  # battery
    )
    for word in words.split("; ")
)
"""What a discrete sensor says of a part that has failed or is about to: ipmitool's tables of states by sensor type
(1.8.18, include/ipmitool/ipmi_sel.h). Its status column is `ok` whatever it says (ipmitool/ipmitool#176)."""
_BEGINNINGS = (
    "config error",
    "configuration error",
    "non-redundant: ",
    "transition to critical ",
    "transition to non-recoverable",
    "unrecoverable ",
    "at or above upper critical",
    "at or above upper non-recoverable",
    "at or below lower critical",
    "at or below lower non-recoverable",
    "upper critical going high",
    "upper non-recoverable going high",
    "lower critical going low",
    "lower non-recoverable going low",
)
_ALTERNATIVES = " or out-of-range"
"""`Power Supply AC lost or out-of-range` of newer versions."""
_MESSAGE = re.compile(r"Get SDR [0-9A-Fa-f]{1,4} command failed.*|Error reading sensor.*")
"""What ipmitool says between the rows of a sensor that it could not read; by version on stderr or here."""


def faults(text: str) -> tuple[str, ...]:
    """Sensors that are critical or worse, or that report a failed part. Raises Unparsable if there are no sensors."""
    output = [line for line in lines("ipmitool sdr", text) if not _MESSAGE.fullmatch(line.strip())]
    rows = [[part.strip() for part in line.split("|")] for line in output]
    for row in rows:
        if len(row) != 5 or not row[2]:
            raise unparsable("ipmitool sdr", " | ".join(row))
    if not rows:
        raise unparsable("ipmitool sdr", why="no sensor")
    return tuple(f"{row[0]}: {row[4] or row[2]}" for row in rows if _SEVERE.fullmatch(row[2]) or _is_fault(row[4]))


def _is_fault(states: str) -> bool:
    """Whether one of a sensor's states, `Presence detected, Failure detected`, is a fault."""
    words = (state.strip().removesuffix(_ALTERNATIVES) for state in states.lower().split(","))
    return any(word in _FAULTS or word.startswith(_BEGINNINGS) for word in words)
