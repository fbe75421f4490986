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
    states: dict[str, int] = {}
    for line in lines(SOURCE, text):
        if line.startswith("== "):
            bond, interface = line[3:].rpartition("/")[2], ""
            states[bond] = 0
        elif slave := re.fullmatch(r"Slave Interface: (\S+)", line):
            interface = slave[1]
        elif state := re.fullmatch(r"MII Status: (.+)", line):
            states[bond] = states.get(bond, 0) + 1
            problems += [f"{bond}: {interface or 'the bond'} {state[1]}"] if state[1] != "up" else []
        elif not bond:
            raise unparsable(SOURCE, line)
    if empty := [name for name, count in states.items() if not count]:
        raise unparsable(SOURCE, empty[0], "no MII Status of")
    return tuple(problems)
