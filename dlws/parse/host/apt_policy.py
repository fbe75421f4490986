"""`apt-cache policy NAME...`: the versions of packages that apt could install."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dlws.parse.text import lines, unparsable

_NAME: Final = re.compile(r"([a-z0-9][a-z0-9+.:-]+):")
_VERSION: Final = re.compile(r"(?: \*\*\*|    ) (\S+) -?[0-9]{1,5}(?: .*)?")
_SOURCE: Final = re.compile(r" {6,}-?[0-9]{1,5} .+| {4,}release .+")
NONE: Final = "(none)"


@dataclass(frozen=True, slots=True)
class Policy:
    """A package that apt knows: the version that it would install, "" for none, and all that a source has.

    A version that only dpkg's own list of packages has, as of one that was removed but not purged, is nowhere to be
    had ("Can't find a source to download version", apt 2.6.1).
    """

    candidate: str
    versions: tuple[str, ...]

    def offers(self, version: str) -> bool:
        """Whether apt can install this version, or any if it is empty."""
        return version in self.versions if version else bool(self.candidate)


def parse(text: str) -> dict[str, Policy]:
    """The packages by name; a package that apt has never heard of is missing. Unparsable for anything else."""
    source, found = "apt-cache policy", dict[str, Policy]()
    blocks: list[tuple[str, list[str]]] = []
    for line in lines(source, text):
        if line.startswith("  Package pin: "):  # apt up to 1.0, of a package that preferences name
            continue
        if head := _NAME.fullmatch(line):
            blocks.append((head[1], []))
        elif blocks:
            blocks[-1][1].append(line)
        else:
            raise unparsable(source, line)
    for name, (installed, candidate, table, *rows) in ((name, [*own, "", "", ""]) for name, own in blocks):
        version = re.fullmatch(r"  Candidate: (\S+)", candidate)
        if not re.fullmatch(r"  Installed: \S+", installed) or version is None or table != "  Version table:":
            raise unparsable(source, f"{name}: {installed or 'nothing'}")
        if strange := [line for line in rows if line and not (_VERSION.fullmatch(line) or _SOURCE.fullmatch(line))]:
            raise unparsable(source, strange[0])
        found[name] = Policy("" if version[1] == NONE else version[1], _offered(rows))
    return found


def _offered(rows: Iterable[str]) -> tuple[str, ...]:
    """The versions that can be had: the installed one, and those with a row other than of dpkg's own list."""
    places: dict[str, list[str]] = {}
    for row in filter(None, rows):
        if version := _VERSION.fullmatch(row):
            places[version[1]] = found = ["installed"] if row.startswith(" ***") else []
        elif not row.endswith("/dpkg/status"):
            found.append(row)
    return tuple(version for version, found in places.items() if found)
