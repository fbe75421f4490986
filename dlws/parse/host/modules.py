"""Kernel modules: those loaded (/proc/modules), loaded at boot (modules-load.d), and kept out (modprobe.d)."""

from __future__ import annotations

import re
import shlex

from dlws.parse.text import lines, unparsable

_LOADED = re.compile(
    r"(\w{1,64}) [0-9]{1,10} [0-9-]{1,10} \S+ (Live|Loading|Unloading) 0x[0-9a-f]{8,16}(?: \([A-Z]{1,20}[+-]?\))?"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEPT_OUT = re.compile(r"(?:blacklist|install)\s+(?P<name>[A-Za-z0-9_-]{1,64})(?:\s+(?P<command>\S.*))?")
_SUCCEEDS = {"false": False, "nologin": False, "true": True, ":": True, "echo": True, "printf": True, "logger": True}
"""What hardening guides have run in a module's place: CIS asks for `install overlay /bin/false`."""
_PROGRAM = re.compile(rf"(?:/(?:usr/)?s?bin/)?({'|'.join(_SUCCEEDS)})")
_JOINS = ("&&", "||", ";", "|", "&")
_BEHIND_IT = ("|", "&")
"""Joins whose left side has a shell of its own: `exec` ends that one alone."""


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

    `install NAME COMMAND` has a shell run the command instead, the first of several, where that loads nothing;
    `blacklist NAME` keeps systemd-modules-load from it (it probes with KMOD_PROBE_APPLY_BLACKLIST).
    """
    found: dict[str, str] = {}
    decided: set[str] = set()
    for line in (line.strip() for line in lines("modprobe.d", re.sub(r"\\\n", " ", text))):
        row = _KEPT_OUT.fullmatch(line)
        if row is None:
            continue
        name, command = row["name"].replace("-", "_"), row["command"]
        if line.startswith("blacklist") or (command and name not in decided and _loads_nothing(command)):
            found.setdefault(name, line)
        if command:
            decided.add(name)
    return found


def _loads_nothing(command: str) -> bool:
    """Whether a shell ends a command without a program that may load something: `false || modprobe -i x` has one."""
    reader = shlex.shlex(command, posix=True, punctuation_chars=True)
    try:
        words = [*reader]
    except ValueError:  # a quote that is not closed: the shell runs nothing
        return True
    runs, at = True, 0
    while at < len(words):
        end = next((n for n in range(at, len(words)) if words[n] in _JOINS), len(words))
        join = "".join(words[end : end + 1])
        if runs:
            said = words[at:end] or [""]
            named = said[1:] if said[0] in ("exec", "command") else said
            program = _PROGRAM.fullmatch("".join(named[:1]))
            if said[0] == "exit":
                return True
            if program is None:
                return False
            if said[0] == "exec" and join not in _BEHIND_IT:
                return True
            succeeds = _SUCCEEDS[program[1]]
        runs, at = {"&&": succeeds, "||": not succeeds}.get(join, True), end + 1
    return True
