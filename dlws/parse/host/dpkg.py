"""dpkg-query, apt-mark, dpkg --audit: packages and their state."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

QUERY = "dpkg-query -W -f '${Package}\\t${Version}\\t${db:Status-Abbrev}\\n' -- "
"""Asks for packages, whose names follow: the answer is for `packages`."""
_NAME = r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?"
_PACKAGE = re.compile(rf"({_NAME})\t([^\t ]*)\t([uihrp?][ncHUFWti])([ R]?)")


@dataclass(frozen=True, slots=True)
class Package:
    """`status` is dpkg's two letters, wanted and found: ii installed, rc removed but configured, iU unpacked only."""

    name: str
    version: str
    status: str
    reinstall: bool

    @property
    def is_installed(self) -> bool:
        """True for a package that is unpacked, configured and whole."""
        return self.status[1] == "i" and not self.reinstall


def packages(text: str) -> tuple[Package, ...]:
    r"""`dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Abbrev}\n' [NAME...]`.

    Empty when no package matches; "no packages found matching X" (stderr) may stand between the rows.
    """
    source = "dpkg-query -W"
    found = []
    for line in lines(source, text):
        if line.startswith("dpkg-query: no packages found matching "):
            continue
        row = _PACKAGE.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        found.append(Package(row[1], row[2], row[3], row[4] == "R"))
    return tuple(found)


def holds(text: str) -> frozenset[str]:
    """`apt-mark showhold`: the packages held at their version; empty when none is."""
    found = [line.strip() for line in lines("apt-mark showhold", text)]
    for name in found:
        if re.fullmatch(_NAME, name) is None:
            raise unparsable("apt-mark showhold", name)
    return frozenset(found)


def audit(text: str) -> tuple[str, ...]:
    """`dpkg --audit`: the packages half done; an empty text says the database is sane.

    Its paragraphs of explanation are translated; the rows are one space, the name and the description.
    """
    found = lines("dpkg --audit", text)
    rows = [re.match(rf" ({_NAME})(?: .*)?$", line) for line in found]
    names = tuple(row[1] for row in rows if row is not None)
    if found and not names:
        raise unparsable("dpkg --audit", found[0])
    return names
