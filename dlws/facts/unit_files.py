"""The files of systemd's units, and so what a boot turns on, loaded now or not."""

from __future__ import annotations

import re
from typing import Final

from dlws.parse.host import systemd
from dlws.remote.host import Host

GENERATED = "generated"
"""The state of a unit that systemd makes at boot: of a line of /etc/fstab, of a script in /etc/init.d."""
SYSV_LINKS: Final = "find /etc/rc2.d /etc/rc3.d /etc/rc4.d /etc/rc5.d -name 'S*' -printf '%f\\n'"
"""The links by which systemd-sysv-generator(8) lets a target want the unit that it makes of an init script."""


def unit_files(host: Host, *names: str) -> dict[str, str]:
    """The state of each unit with a file, by name; the names to look for may be patterns, `*.swap`."""
    words = " ".join(["%s"] * len(names))  # names are the host's own, and a file's may hold anything but a slash
    result = host.run_expect([0, 1], f"systemctl list-unit-files --full --no-legend --no-pager {words}", *names)
    if result.rc and (result.stdout or result.stderr):  # newer ones end with 1, and say nothing, where none matches
        raise host.unexpected(result)
    return systemd.unit_files(result.stdout)


def mount_units(host: Host) -> dict[str, str]:
    """As `unit_files`: those that mount a file system, at once or when it is used."""
    return unit_files(host, "*.mount", "*.automount")


def units_at_boot(host: Host, *names: str) -> list[str]:
    """Those of the units that a boot starts: enabled ones, and services of an init script with a link to start it.

    `list-unit-files` calls the latter generated, whether or not a boot starts them.
    """
    files = unit_files(host, *names)
    of_scripts = [name for name, state in files.items() if state == GENERATED and name.endswith(".service")]
    links = host.lines(SYSV_LINKS) if of_scripts else []
    linked = {re.sub("^S[0-9]{2}", "", link) + ".service" for link in links}
    return sorted({name for name, state in files.items() if state == "enabled"} | (linked & {*of_scripts}))
