"""The hosts file (runbook section 2.4, option 2): parses it, and maintains one managed block in it.

The runbook replaces /etc/hosts and so loses its other lines; the suite maintains a block between markers. A stage
writes `with_block(text, block(...))`, and its check tests whether that would change anything.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from dlws.hostfiles import managed_block

BEGIN: Final = "# BEGIN DLWS cluster hosts (written by the DLWS suite; do not edit between the markers)"
END: Final = "# END DLWS cluster hosts"
LOCALHOST: Final = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\n"
"""The first lines of a new hosts file; the runbook omits IPv6."""
MADE_AT_BOOT: Final = "manage_etc_hosts"
"""cloud-init's setting; its template says in a comment: `Your system has configured 'manage_etc_hosts' as True.`"""


@dataclass(frozen=True, slots=True)
class HostsEntry:
    """One line: an address and its names. `line` counts from 1."""

    line: int
    address: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class HostsFile:
    """A hosts file: its entries, and its malformed lines (number and what is wrong)."""

    entries: tuple[HostsEntry, ...]
    problems: tuple[tuple[int, str], ...]

    def entries_of(self, name: str) -> list[HostsEntry]:
        """Every entry with this name, in file order. Case is ignored."""
        return self._by_name.get(name.lower(), [])

    @cached_property
    def _by_name(self) -> dict[str, list[HostsEntry]]:
        by_name: dict[str, list[HostsEntry]] = {}
        for entry in self.entries:
            for name in dict.fromkeys(map(str.lower, entry.names)):
                by_name.setdefault(name, []).append(entry)
        return by_name

    def addresses_of(self, name: str) -> list[str]:
        """The different IPv4 addresses of `name`, in file order."""
        return list(dict.fromkeys(entry.address for entry in self.entries_of(name) if ":" not in entry.address))


def parse(text: str) -> HostsFile:
    """Parse a hosts file as the C library does: `address name...`, `#` starts a comment, blank lines are skipped."""
    entries: list[HostsEntry] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        address, *names = line.split("#", 1)[0].split() or [""]
        if not address:
            continue
        if not _is_address(address):
            problems.append((number, "does not start with an IP address"))
        elif not names:
            problems.append((number, "has an address but no name"))
        else:
            entries.append(HostsEntry(number, address, tuple(names)))
    return HostsFile(tuple(entries), tuple(problems))


def is_remade_at_boot(text: str) -> bool:
    """Whether cloud-init says in the file that it makes it anew at each boot, from a template."""
    comments = (re.findall(r"\w+", line.lower()) for line in text.split("\n") if line.startswith("#"))
    return any("true" in words[words.index(MADE_AT_BOOT) :] for words in comments if MADE_AT_BOOT in words)


def render(names_by_address: Mapping[str, Iterable[str]]) -> str:
    """One line per address, names in the order given; `hostname -f` prints the first."""
    return "".join(f"{address}\t{' '.join(names)}\n" for address, names in names_by_address.items())


def block(names_by_address: Mapping[str, Iterable[str]]) -> str:
    """The managed block, including markers."""
    return f"{BEGIN}\n{render(names_by_address)}{END}\n"


def with_block(text: str, block: str) -> str:
    """`text` with `block` in it exactly once, in the place of an earlier one or else at the end; other lines stay.

    With one exception: a name of the block on a loopback line outside it (`127.0.1.1 <own name>`, which Ubuntu's
    installer writes) is removed, because the host would otherwise resolve its own name to its loopback.
    Raises Unparsable if a marker has no partner, because it is then unknown which lines are the suite's.
    """
    own = {name.lower() for entry in parse(block).entries for name in entry.names}
    return managed_block.put(text, block, source="hosts file", keep=lambda line: _without_loopback_names(line, own))


def without_block(text: str) -> str:
    """The text without the managed block; its lines are blanked, so that line numbers stay the same."""
    inside = False
    kept = []
    for line in text.split("\n"):
        marker = line.strip()
        inside = marker == BEGIN or (inside and marker != END)
        kept.append("" if inside or marker == END else line)
    return "\n".join(kept)


def _without_loopback_names(line: str, own: set[str]) -> list[str]:
    """The line, without the cluster's names if it is a loopback line; empty if no name is left."""
    entries = parse(line).entries
    if not entries or not ipaddress.ip_address(entries[0].address).is_loopback:
        return [line]
    left = [name for name in entries[0].names if name.lower() not in own]
    if len(left) == len(entries[0].names):
        return [line]
    _, hash_sign, comment = line.rstrip("\r\n").partition("#")
    rest = f"{entries[0].address}\t{' '.join(left)}" + (f" #{comment}" if hash_sign else "")
    return [rest + "\n"] if left else []


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
