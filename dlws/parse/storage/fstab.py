"""/etc/fstab: mounts and swap at boot, and the edits of runbook 3.11 and 3.12."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import unescaped, unparsable

SOURCE = "/etc/fstab"
LINKS = {"/var/run": "/run", "/var/lock": "/run/lock"}
"""Folders that are links on Debian and Ubuntu (base-files): what is mounted there, is mounted where they lead."""
_MOVED = re.compile(r"^/var/(?:run|lock)(?=/|$)")


@dataclass(frozen=True, slots=True)
class FstabEntry:
    """One active line, fields as in fstab(5), the mount point without trailing slash; `line` counts from 1."""

    line: int
    spec: str
    mountpoint: str
    kind: str
    options: tuple[str, ...]

    @property
    def is_live_swap(self) -> bool:
        """True if `swapon -a` or systemd turns it on at boot (a `noauto` area stays off)."""
        return self.kind == "swap" and "noauto" not in self.options

    @property
    def comes_at_boot(self) -> bool:
        """True if it is mounted at boot, or on access (automount)."""
        return "noauto" not in self.options or "x-systemd.automount" in self.options


def parse(text: str) -> tuple[FstabEntry, ...]:
    """The active entries. Raises Unparsable for a line of fewer than three fields."""
    if "\0" in text:
        raise unparsable(SOURCE, why="NUL in the file")
    numbered = enumerate(text.split("\n"), start=1)
    return tuple(entry for entry in (_entry(number, line) for number, line in numbered) if entry is not None)


def live_swaps(text: str) -> tuple[FstabEntry, ...]:
    """The entries that turn swap on at boot."""
    return tuple(entry for entry in parse(text) if entry.is_live_swap)


def swap_specs(text: str) -> tuple[str, ...]:
    """The devices and files of all swap lines, also of those that are commented out or `noauto`.

    What systemd generated of a line stays until it looks at the file again.
    """
    specs = []
    for line in text.split("\n"):
        fields = re.split(r"[ \t]+", line.strip(" \t\r").lstrip("# \t"))
        specs += [unescaped(fields[0])] if len(fields) > 2 and fields[2] == "swap" else []
    return tuple(specs)


def comment_out_swap(text: str) -> str:
    """The text with a `#` before each active swap line, otherwise byte for byte the same. Idempotent.

    Unlike the runbook's sed (lines with " swap ") it recognises fields separated by tabs and leaves comments and noauto
    areas alone.
    """
    swaps = {entry.line for entry in live_swaps(text)}
    numbered = enumerate(text.split("\n"), start=1)
    return "\n".join("#" + line if number in swaps else line for number, line in numbered)


def mounts_on(text: str, mountpoint: str) -> tuple[FstabEntry, ...]:
    """The active entries for a mount point; more than one contradict each other."""
    return tuple(entry for entry in parse(text) if entry.mountpoint == mountpoint)


def with_mount(text: str, wanted: str) -> str:
    """The text with the line `wanted` as the only active entry for its mount point. Idempotent.

    Other active entries for that mount point are commented out; everything else stays byte for byte the same.
    """
    [entry] = parse(wanted)
    others = {e.line for e in mounts_on(text, entry.mountpoint)}
    numbered = list(enumerate(text.split("\n"), start=1))
    same = next((number for number, line in numbered if line == wanted), None)
    kept = "\n".join("#" + line if number in others - {same} else line for number, line in numbered)
    if same is not None:
        return kept
    return kept + ("" if kept.endswith("\n") or not kept else "\n") + wanted + "\n"


def _entry(number: int, line: str) -> FstabEntry | None:
    fields = [unescaped(field) for field in re.split(r"[ \t]+", line.strip(" \t\r")) if field]
    if not fields or fields[0].startswith("#"):
        return None
    if len(fields) < 3:
        raise unparsable(SOURCE, line, f"line {number} not understood")
    options = tuple(fields[3].split(",")) if len(fields) > 3 else ("defaults",)
    mountpoint = _MOVED.sub(lambda old: LINKS[old[0]], fields[1].rstrip("/")) or "/"  # as in /proc/mounts
    return FstabEntry(number, fields[0], mountpoint, fields[2], options)
