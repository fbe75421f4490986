"""Kernel modules: those loaded (/proc/modules), loaded at boot (modules-load.d), and kept out (modprobe.d)."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_LOADED = re.compile(
    r"(\w{1,64}) [0-9]{1,10} [0-9-]{1,10} \S+ (Live|Loading|Unloading) 0x[0-9a-f]{8,16}(?: \([A-Z]{1,20}[+-]?\))?"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEPT_OUT = re.compile(r"(?:blacklist|install)\s+(?P<name>[A-Za-z0-9_-]{1,64})(?:\s+(?P<command>\S.*))?")
_LOADS_NOTHING = re.compile(r"(?:/(?:usr/)?s?bin/)?(?:false|true|nologin|:)(?:\s.*)?|exit\b.*")
"""What hardening guides have run in a module's place: CIS asks for `install overlay /bin/false`."""


def loaded(text: str) -> frozenset[str]:
    """/proc/modules: the live modules, spelt with underscores. Code built into the kernel is not listed."""
    names = set()
    for line in lines("/proc/modules", text):
        row = _LOADED.fullmatch(line)
        if row is None:
            raise unparsable("/proc/modules", line)
        if row[2] == "Live":
            names.add(row[1])
    return frozenset(names)


def at_boot(text: str) -> frozenset[str]:
    """The concatenated files of modules-load.d(5): module names, spelt with underscores as in /proc/modules.

    A line of a name and more (`bonding mode=4`, `overlay # pods`), as /etc/modules once had, loads nothing: systemd
    takes all of it for a name.
    """
    names = set()
    for line in lines("modules-load.d", text):
        name, *more = line.split()
        if name.startswith(("#", ";")):
            continue
        if more and _NAME.fullmatch(name):
            continue
        if _NAME.fullmatch(name) is None:
            raise unparsable("modules-load.d", line)
        names.add(name.replace("-", "_"))
    return frozenset(names)


def kept_out(text: str) -> dict[str, str]:
    """The concatenated files of modprobe.d(5): the line that keeps each module out, by its name with underscores.

    `install NAME COMMAND` runs the command instead, where that is one that loads nothing; `blacklist NAME` keeps
    systemd-modules-load from it (it probes with KMOD_PROBE_APPLY_BLACKLIST).
    """
    found: dict[str, str] = {}
    for line in (line.strip() for line in lines("modprobe.d", re.sub(r"\\\n", " ", text))):
        row = _KEPT_OUT.fullmatch(line)
        if row and (line.startswith("blacklist") or _LOADS_NOTHING.fullmatch(row["command"] or "")):
            found.setdefault(row["name"].replace("-", "_"), line)
    return found
