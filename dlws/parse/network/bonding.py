"""/proc/net/bonding/*: the state of bonded interfaces. The words are those of the kernel's bond_procfs.c."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dlws.parse.text import lines, unparsable

SOURCE = "/proc/net/bonding"
_NOBODY = "00:00:00:00:00:00"
_FIELD = re.compile(r"([^:]{1,80}):(.*)")


@dataclass(slots=True)
class Bond:
    """One bond: its fields, and those of each of its member interfaces."""

    name: str
    fields: dict[str, str] = field(default_factory=dict)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    is_without_aggregator: bool = False

    def troubles(self) -> Iterator[str]:
        """What keeps the bond or a member from carrying traffic: `bond0: eth1 down`."""
        for name, state in self._states():
            if state != "up":
                yield f"{self.name}: {name} {state}"
        if not self.members:
            yield f"{self.name}: no member"
        if "802.3ad" not in self.fields.get("Bonding Mode", ""):
            return
        active = self.fields.get("Aggregator ID", "")
        if self.is_without_aggregator or self.fields.get("Partner Mac Address") == _NOBODY:
            yield f"{self.name}: no LACP partner"
        for name, member in self.members.items():
            if active and member.get("Aggregator ID", active) != active:
                yield f"{self.name}: {name} in aggregator {member['Aggregator ID']}, not in the active {active}"
            elif "churned" in (member.get("Actor Churn State"), member.get("Partner Churn State")):
                yield f"{self.name}: {name} churned"

    def _states(self) -> Iterator[tuple[str, str]]:
        for name, fields in {"the bond": self.fields, **self.members}.items():
            if "MII Status" in fields:
                yield name, fields["MII Status"]


def down(text: str) -> tuple[str, ...]:
    """What is not up or carries nothing, as `bond0: eth1 down`; empty if there is no bond.

    The text has a section `== bond0`, followed by the file, for each bond. In LACP (802.3ad) a member whose link is up
    carries nothing in another aggregator than the active one, while it is churned, or without a partner.
    """
    bonds: list[Bond] = []
    member: dict[str, str] | None = None
    for line in lines(SOURCE, text):
        if line.startswith("== "):
            bonds.append(Bond(line[3:].rpartition("/")[2]))
            member = None
        elif not bonds:
            raise unparsable(SOURCE, line)
        elif slave := re.match(r"Slave Interface: (\S+)", line):
            member = bonds[-1].members.setdefault(slave[1], {})
        elif "has no active aggregator" in line:
            bonds[-1].is_without_aggregator = True
        elif row := _FIELD.fullmatch(line):
            (bonds[-1].fields if member is None else member).setdefault(row[1].strip(), row[2].strip())
    for bond in bonds:
        if "MII Status" not in bond.fields:
            raise unparsable(SOURCE, bond.name, "no MII Status of")
    return tuple(trouble for bond in bonds for trouble in bond.troubles())
