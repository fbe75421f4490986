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
OFF: Final = ("disabled", "masked")
"""States of a unit's file that no boot starts."""


def boot_commands_that(host: Host, concern: Callable[[Command], bool]) -> tuple[Command, ...]:
    """The commands that concern the caller, without those of units that no boot starts."""
    found = [command for command in boot_commands.parse(host.read(FILES)) if concern(command)]
    units = {command.file.rpartition("/")[2] for command in found if command.file.endswith(".service")}
    states = unit_files(host, *sorted(units)) if units else {}
    return tuple(c for c in found if states.get(c.file.rpartition("/")[2]) not in OFF)
