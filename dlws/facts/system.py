"""The machine itself."""

from __future__ import annotations

import re

from dlws.parse.host import os_release
from dlws.parse.host.os_release import OsRelease
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host


def host_name(host: Host) -> str:
    """What the host calls itself now: `atlas01`."""
    return only_line("hostname", host.read("hostname"))


def operating_system(host: Host) -> OsRelease:
    """The distribution and its release."""
    return os_release.parse(host.read("cat /etc/os-release"))


def machine_of(host: Host) -> str:
    """What `uname -m` prints: x86_64, aarch64."""
    line = only_line("uname -m", host.read("uname -m"))
    if not re.fullmatch(r"\w+", line):
        raise unparsable("uname -m", line)
    return line
