"""/proc/net/bonding/*: the state of bonded interfaces."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "/proc/net/bonding"


def down(text: str) -> tuple[str, ...]:
    """The interfaces that are not up, as `bond0: eth1 down`; empty if there is no bond.

    The text has a section `== bond0`, followed by the file, for each bond.
    """
    problems: list[str] = []
    bond = interface = ""
    told: dict[str, bool] = {}
    for line in lines(SOURCE, text):
        if line.startswith("== "):
            bond, interface = line[3:].rpartition("/")[2], ""
            told[bond] = False
        elif not bond:
            raise unparsable(SOURCE, line)
        elif slave := re.fullmatch(r"Slave Interface: (\S.*)", line):
            interface = slave[1]
        elif state := re.fullmatch(r"MII Status: (.+)", line):
            told[bond] = True
            problems += [f"{bond}: {interface or 'the bond'} {state[1]}"] if state[1] != "up" else []
    if empty := [name for name, has_status in told.items() if not has_status]:
        raise unparsable(SOURCE, empty[0], "no MII Status of")
    return tuple(problems)
