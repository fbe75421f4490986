"""`hccn_tool -i N -lldp -g`: what an NPU's port has heard from the switch it is plugged into.

The form is that of lldptool(8): the name of each TLV on a line, its values indented below it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "hccn_tool -lldp"
_PORT = re.compile(r"(?:Ifname|Local|MAC|Alias): ?(\S.*)")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The switch and its port, as they call themselves."""

    system: str
    port: str


def neighbour(text: str) -> Neighbour | None:
    """The neighbour; None when none has been heard: then nothing is printed.

    Raises Unparsable for text that is no list of TLVs, or that lacks the name of the system or of its port.
    """
    told: dict[str, list[str]] = {}
    values: list[str] | None = None
    for line in lines(SOURCE, text):
        if line.endswith(" TLV") and not line[0].isspace():
            values = told.setdefault(line.removesuffix(" TLV"), [])
        elif values is not None and line[0].isspace():
            values.append(line.strip())
        else:
            raise unparsable(SOURCE, line)
    if not told:
        return None
    system, port = told.get("System Name", []), [_PORT.fullmatch(value) for value in told.get("Port ID", [])]
    if len(system) != 1 or len(port) != 1 or port[0] is None:
        raise unparsable(SOURCE, ", ".join(told), "no name of the system, or of its port, in")
    return Neighbour(system[0], port[0][1])
