"""`hccn_tool -i N -lldp -g`: the switch that an NPU's port is connected to, as announced by LLDP.

The format is that of lldptool(8): the name of each TLV on a line, its values indented below it. A value may go on over
lines that are not indented (the description of a Huawei CE switch does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "hccn_tool -lldp"
_PORT = re.compile(r"(?:Ifname|Local|MAC|Alias): ?(\S.*)")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The names of the switch and of its port."""

    system: str
    port: str


def neighbour(text: str) -> Neighbour | None:
    """The neighbour; None if none has announced itself, in which case the tool prints nothing.

    Raises Unparsable for text that is not a list of TLVs, or without the name of the system or of its port.
    """
    tlvs: dict[str, list[str]] = {}
    values: list[str] | None = None
    for line in lines(SOURCE, text):
        if line.endswith(" TLV") and not line[0].isspace():
            values = tlvs.setdefault(line.removesuffix(" TLV"), [])
        elif values is not None and (line[0].isspace() or values):
            values.append(line.strip())
        else:
            raise unparsable(SOURCE, line)
    if not tlvs:
        return None
    system, port = tlvs.get("System Name", []), [_PORT.fullmatch(value) for value in tlvs.get("Port ID", [])]
    if len(system) != 1 or len(port) != 1 or port[0] is None:
        raise unparsable(SOURCE, ", ".join(tlvs), "no name of the system, or of its port, in")
    return Neighbour(system[0], port[0][1])
