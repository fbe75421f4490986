"""`smartctl -H`: a disk's self-assessed health. ATA, SCSI and NVMe; smartmontools 6.6 to 7.3."""

from __future__ import annotations

import re

from dlws.parse.text import clean, unparsable
from dlws.verdict import Unknown, Unparsable

_RESULT = re.compile(r"SMART (?:overall-health self-assessment test result|Health Status): (.+)")
_NONE = re.compile(
    r"Device does not support SMART|SMART support is: +Unavailable"
    r"|Unable to detect device type|Operation not supported|lacks SMART capability"
    r"|(?:please try adding|requires option) '-d [a-z0-9]+,"  # a RAID controller's logical disk: os_linux.cpp
    r"|bad response to IEC mode page|Short INQUIRY response|Log Sense failed, IE page \[unsupported"  # a virtual disk
    # A USB bridge, a cloud's NVMe; a disk that is dead says that it had an error, or nothing.
    r"|Read (?:Device Identity|NVMe Identify Controller) failed(?!.*(?:Input/output error|timed out|No such device"
    r"|medium or hardware error))"
    r"|SMART (?:support is: +)?Disabled"
    r"|Unknown USB bridge \[0x|No medium found|NO MEDIUM present",  # virtual media of a BMC, and an empty drive
)
_UNKNOWN = "UNKNOWN!"
"""What smartctl says of a disk that did not tell it."""
MISSING = (126, 127)
WELL = ("PASSED", "OK", "")
"""The states of a disk that does not fail; "" of one that has none."""


def parse(text: str) -> dict[str, str]:
    """The state by disk, empty for one without SMART, from sections `== /dev/sda`, smartctl's output, `== rc N`.

    A RAID controller's logical disk and a virtual disk have no such state. Raises Unknown if smartctl is missing, and
    Unparsable for a disk of which it says something else, unless another one fails: that is known.
    """
    states: dict[str, str] = {}
    doubts: list[Unparsable] = []
    rest = clean("smartctl", text)
    pattern = re.compile(r"== (/dev/\S+)\n(.*?)\n?== rc ([0-9]{1,3})(?:\n|$)", re.DOTALL)
    while rest.strip():
        section = pattern.match(rest)
        if section is None:
            raise unparsable("smartctl", rest.strip().partition("\n")[0])
        if int(section[3]) in MISSING:
            package = "name its package, smartmontools, in suite.packages.node, and run -m install"
            raise Unknown(f"tool missing: smartctl, for {section[1]}: {package}")
        result = _RESULT.search(section[2])
        state = result[1].strip() if result else ""
        if state == _UNKNOWN or (result is None and _NONE.search(section[2]) is None):
            doubts.append(unparsable(f"smartctl -H {section[1]}", _said(section[2])))
        states[section[1]] = "" if state == _UNKNOWN else state
        rest = rest[section.end() :]
    if doubts and all(state in WELL for state in states.values()):
        raise doubts[0]
    return states


def _said(output: str) -> str:
    """The line that says why: the first about something that failed, or the last."""
    rows = output.strip().split("\n")
    return next((row for row in rows if "failed: " in row), rows[-1])
