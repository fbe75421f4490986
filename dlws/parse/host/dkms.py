"""`dkms status`: kernel modules that DKMS rebuilds for every new kernel.

Formats: DKMS 2 (Ubuntu 18.04: `nvidia, 390.77, 4.15.0-29-generic, x86_64: installed`) and 3, which writes
`nvidia/390.77`. A module that was only added has neither kernel nor architecture: `nvidia/390.77: added`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_ROW = re.compile(r"([^\s,/:]+)(?:, |/)([^\s,:]+)(?:, ([^\s,:]+), ([^\s,:]+))?: ([a-z]+)(?: ?\(.*\))*")
_NOISE = ("Deprecated feature: ", "Sign command: ", "Binary ")


@dataclass(frozen=True, slots=True)
class ModuleBuild:
    """A module for one kernel. `state` is added, built, installed or broken; `kernel` is None if it was only added."""

    module: str
    version: str
    kernel: str | None
    state: str


def status(text: str) -> tuple[ModuleBuild, ...]:
    """The modules that DKMS manages. Raises Unparsable for a line of another form."""
    builds = []
    for line in lines("dkms status", text):
        row = _ROW.fullmatch(line)
        if row is not None:
            builds.append(ModuleBuild(row[1], row[2], row[3], row[5]))
        elif not line.startswith(_NOISE):
            raise unparsable("dkms status", line)
    return tuple(builds)
