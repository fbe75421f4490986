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
    " /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf /usr/local/lib/systemd/system/*.service"
    " /etc/systemd/system-generators/* /usr/local/lib/systemd/system-generators/*"
    " /etc/network/if-pre-up.d/* /etc/network/if-up.d/* /etc/networkd-dispatcher/*.d/*"
    " /var/lib/cloud/scripts/per-boot/*"
    " /etc/network/interfaces /etc/network/interfaces.d/*; do"
    ' [ -f "$f" ] && [ ! -L "$f" ] && grep -qI . "$f" || continue;'
    ' case $f in */rc.local|*-generators/*|*/if-*|*-dispatcher/*|*/per-boot/*) [ -x "$f" ] || continue;; esac;'
    ' echo "== $f"; case $f in */interfaces*) sed -n "/^[[:blank:]]*[a-z-]*up[[:blank:]]/p" "$f";; *) cat "$f";; esac'
    " || exit; echo; done"
)
"""Links are left out: in these folders they lead to units of packages. Scripts are run only where they are executable.
Of interfaces(5) no more is read than its commands, because a network's password may stand there."""
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
    units = {command.unit for command in found if command.unit}
    states = unit_files(host, *sorted(units)) if units else {}
    return tuple(command for command in found if states.get(command.unit) not in OFF)
