"""The files of systemd's units, and so what a boot turns on, loaded now or not."""

from __future__ import annotations

from dlws.parse.host import systemd
from dlws.remote.host import Host

GENERATED = "generated"
"""The state of a unit that systemd makes at boot, as it does of a line of /etc/fstab."""


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
