"""dpkg-query, apt-mark and dpkg --audit: packages and their state."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

QUERY = "dpkg-query -W -f '${Package}\\t${Version}\\t${db:Status-Abbrev}\\n' -- "
"""The command whose output `packages` parses; the names of packages are appended."""
SEARCH = "LC_ALL=C dpkg-query -S -- "
"""The command whose output `owned` parses; the paths are appended."""
_NAME = r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?"
_PACKAGE = re.compile(rf"({_NAME})\t([^\t ]*)\t([uihrp?][ncHUFWti])([ R]?)")


@dataclass(frozen=True, slots=True)
class Package:
    """`status` is dpkg's desired and actual state: `ii` installed, `rc` removed with config files, `iU` unpacked."""

    name: str
    version: str
    status: str
    reinstall: bool

    @property
    def is_installed(self) -> bool:
        """True if the package is unpacked, configured and complete."""
        return self.status[1] == "i" and not self.reinstall


def packages(text: str) -> tuple[Package, ...]:
    r"""`dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Abbrev}\n' [NAME...]`.

    Empty if no package matches; stderr's "no packages found matching X" may occur between the rows.
    """
    source = "dpkg-query -W"
    rows = []
    for line in lines(source, text):
        if line.startswith("dpkg-query: no packages found matching "):
            continue
        row = _PACKAGE.fullmatch(line)
        if row is None:
            raise unparsable(source, line)
        rows.append(Package(row[1], row[2], row[3], row[4] == "R"))
    return tuple(rows)


def owned(text: str) -> frozenset[str]:
    """`dpkg-query -S PATH...`: the paths that belong to a package. Those of none are said on stderr.

    Whoever diverts a file (dpkg-divert(1)) does not bring it.
    """
    source = "dpkg-query -S"
    paths = []
    for line in lines(source, text):
        owners, _, path = line.partition(": /")
        if re.fullmatch(rf"{_NAME}(?:, {_NAME})*", owners) and path:
            paths.append(f"/{path}")
        elif not re.match("(?:local )?diversion ", line):
            raise unparsable(source, line)
    return frozenset(paths)


def holds(text: str) -> frozenset[str]:
    """`apt-mark showhold`: the packages held at their version."""
    names = [line.strip() for line in lines("apt-mark showhold", text)]
    for name in names:
        if re.fullmatch(_NAME, name) is None:
            raise unparsable("apt-mark showhold", name)
    return frozenset(names)


def audit(text: str) -> tuple[str, ...]:
    """`dpkg --audit`: the packages that are not completely installed; empty if the database is consistent.

    The explanations between the rows are translated; a row is a space, the name and the description.
    """
    output = lines("dpkg --audit", text)
    rows = [re.match(rf" ({_NAME})(?: .*)?$", line) for line in output]
    names = tuple(row[1] for row in rows if row is not None)
    if output and not names:
        raise unparsable("dpkg --audit", output[0])
    return names
