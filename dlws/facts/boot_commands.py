"""What a host's administrators have it run at boot, besides the units of packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlws.facts.unit_files import unit_files
from dlws.parse.host import boot_commands
from dlws.parse.host.boot_commands import Command
from dlws.remote.host import Host

FILES: Final = (
    "for f in /etc/rc.local /etc/rc.d/rc.local /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/*"
    " /etc/systemd/system/*.service /usr/local/lib/systemd/system/*.service"
    " /etc/systemd/system-generators/* /usr/local/lib/systemd/system-generators/*; do"
    ' [ -f "$f" ] && [ ! -L "$f" ] && grep -qI . "$f" || continue;'
    ' case $f in */rc.local|*-generators/*) [ -x "$f" ] || continue;; esac;'
    ' echo "== $f"; cat "$f" || exit; echo; done'
)
"""Links are left out: in these folders they lead to units of packages. systemd runs rc.local and generators only where
they are executable."""
SCRIPTS: Final = (
    'for f in {}; do [ -f "$f" ] && grep -qI . "$f" || continue;'
    ' case $f in *.sh) ;; *) [ -x "$f" ] || [ "$(head -c 2 "$f")" = "#!" ] || continue;; esac;'
    ' echo "== $f"; cat "$f" || exit; echo; done'
)
"""The files among those that a command names which a shell may run."""
DEEPEST: Final = 3
"""Judgement: a script at boot that starts a script that starts another is as far as administrators go."""
OFF: Final = ("disabled", "masked")
"""States of a unit's file that no boot starts."""


def boot_commands_that(host: Host, concern: Callable[[Command], bool]) -> tuple[Command, ...]:
    """The commands that concern the caller, also those in scripts that others start; none of units that are off."""
    found = reached = _at_boot(host)
    seen: set[str] = set()
    for _ in range(DEEPEST):
        named = dict.fromkeys(path for command in reached for path in command.paths if path not in seen)
        if not named:
            break
        seen |= {*named}
        reached = boot_commands.parse(host.read(SCRIPTS.format(" ".join(["%s"] * len(named))), *named))
        found += reached
    return tuple(command for command in found if concern(command))


def _at_boot(host: Host) -> tuple[Command, ...]:
    """The commands of the files that a boot begins with, without those of units that no boot starts."""
    found = boot_commands.parse(host.read(FILES))
    units = {command.file.rpartition("/")[2] for command in found if command.file.endswith(".service")}
    states = unit_files(host, *sorted(units)) if units else {}
    return tuple(c for c in found if states.get(c.file.rpartition("/")[2]) not in OFF)
