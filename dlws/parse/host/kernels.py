"""Kernels: the one that runs, those that are installed, how one was configured and what it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "uname -r and /boot"
_RELEASE = re.compile(r"[0-9]+\.[0-9]+\S*")
_BACKUP = re.compile(r".*(?:\.old|\.bak|\.dpkg-\w+)")
_OPTION = re.compile(r"CONFIG_([A-Z0-9_]+)=([ym])")
_CONTROLLER = re.compile(r"([a-z_]+)\s+([0-9]+)\s+([0-9]+)\s+([01])")


@dataclass(frozen=True, slots=True)
class Kernels:
    """The release that runs, and those in /boot; none there where the host boots from elsewhere."""

    running: str
    installed: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The newest installed release; the running one where none is."""
        return max(self.installed, key=_natural, default=self.running)


def parse(text: str) -> Kernels:
    """`uname -r`, then a line `vmlinuz-RELEASE` for each kernel of /boot."""
    found = lines(SOURCE, text)
    if not found or _RELEASE.fullmatch(found[0]) is None:
        raise unparsable(SOURCE, found[0] if found else "", "not understood" if found else "no output")
    releases = []
    for line in found[1:]:
        image = re.fullmatch(r"vmlinu[xz]-(\S+)", line)
        if image is None:
            raise unparsable(SOURCE, line)
        if _BACKUP.fullmatch(line) is None and _RELEASE.fullmatch(image[1]):  # not vmlinuz-0-rescue-...
            releases.append(image[1])
    return Kernels(found[0], tuple(releases))


def options(text: str) -> frozenset[str]:
    """Lines of a kernel's configuration: the names, without CONFIG_, of what is built in or a module."""
    found = [line for line in lines("kernel configuration", text) if not line.startswith("#")]
    rows = [_OPTION.fullmatch(line) for line in found]
    if None in rows or not found:
        raise unparsable("kernel configuration", found[rows.index(None)] if found else "", "no option in")
    return frozenset(row[1] for row in rows if row)


def controllers(text: str) -> frozenset[str]:
    """/proc/cgroups: the cgroup controllers that are enabled (its fourth column; `cgroup_disable=` clears it)."""
    source = "/proc/cgroups"
    found = lines(source, text)
    if not found or not found[0].startswith("#subsys_name"):
        raise unparsable(source, found[0] if found else "", "no heading in")
    rows = {line: _CONTROLLER.fullmatch(line) for line in found[1:]}
    for line, row in rows.items():
        if row is None:
            raise unparsable(source, line)
    return frozenset(row[1] for row in rows.values() if row and row[4] == "1")


def _natural(release: str) -> list[tuple[int, str]]:
    """4.15.0-112 after 4.15.0-20: numbers compare as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"[0-9]{1,9}|[^0-9]+", release)]
