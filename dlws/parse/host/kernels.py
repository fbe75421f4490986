"""The running kernel, the installed ones, their build options and the enabled cgroup controllers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "uname -r and /boot"
_RELEASE = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\S*")
_BACKUP = re.compile(r".*(?:\.old|\.bak|\.dpkg-\w{1,20})")
_OPTION = re.compile(r"CONFIG_([A-Z0-9_]{1,80})=([ym])")
_CONTROLLER = re.compile(r"([a-z_]{1,40})\s+[0-9]{1,9}\s+[0-9]{1,9}\s+([01])")


@dataclass(frozen=True, slots=True)
class Kernels:
    """The running release, and those in /boot (which may be empty, as a host may boot from elsewhere)."""

    running: str
    installed: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The newest installed release, or the running one if none is installed."""
        return max(self.installed, key=_natural, default=self.running)


def parse(text: str) -> Kernels:
    """`uname -r`, then a line `vmlinuz-RELEASE` for each kernel of /boot."""
    output = lines(SOURCE, text)
    if not output or _RELEASE.fullmatch(output[0]) is None:
        raise unparsable(SOURCE, output[0] if output else "", "not understood" if output else "no output")
    releases = []
    for line in output[1:]:
        image = re.fullmatch(r"vmlinu[xz]-(\S+)", line)
        if image is None:
            raise unparsable(SOURCE, line)
        if _BACKUP.fullmatch(line) is None and _RELEASE.match(image[1]):  # not vmlinuz-0-rescue-...
            releases.append(image[1])
    return Kernels(output[0], tuple(releases))


def options(text: str) -> frozenset[str]:
    """Lines of a kernel's configuration: the options, without CONFIG_, that are built in or a module."""
    settings = [line for line in lines("kernel configuration", text) if not line.startswith("#")]
    rows = [_OPTION.fullmatch(line) for line in settings]
    if None in rows or not settings:
        raise unparsable("kernel configuration", settings[rows.index(None)] if settings else "", "no option in")
    return frozenset(row[1] for row in rows if row)


def controllers(text: str) -> frozenset[str]:
    """/proc/cgroups: the enabled cgroup controllers (fourth column; `cgroup_disable=` clears it)."""
    source = "/proc/cgroups"
    output = lines(source, text)
    if not output or not output[0].startswith("#subsys_name"):
        raise unparsable(source, output[0] if output else "", "no heading in")
    rows = {line: _CONTROLLER.fullmatch(line) for line in output[1:]}
    for line, row in rows.items():
        if row is None:
            raise unparsable(source, line)
    return frozenset(row[1] for row in rows.values() if row and row[2] == "1")


def _natural(release: str) -> list[tuple[int, str]]:
    """A sort key that compares numbers as numbers, so that 4.15.0-112 is newer than 4.15.0-20."""
    return [(int(number), rest) for number, rest in re.findall(r"([0-9]{1,9})([^0-9]*)", release)]
