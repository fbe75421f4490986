"""The machine itself."""

from __future__ import annotations

import re

from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host


def machine_of(host: Host) -> str:
    """What `uname -m` prints: x86_64, aarch64."""
    line = only_line("uname -m", host.read("uname -m"))
    if not re.fullmatch(r"\w+", line):
        raise unparsable("uname -m", line)
    return line
