"""`dkms status`: kernel modules that DKMS rebuilds for every new kernel.

Formats: DKMS 2 (Ubuntu 18.04: `nvidia, 390.77, 4.15.0-29-generic, x86_64: installed`) and 3, which writes
`nvidia/390.77`. A module that was only added has neither kernel nor architecture: `nvidia/390.77: added`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_ROW = re.compile(
    r"([^\s,/:]{1,80})(?:, |/)([^\s,:]{1,80})(?:, ([^\s,:]{1,80}), ([^\s,:]{1,20}))?"
    r": ([a-z-]{1,20})(?: from \S+)?(?: ?\(.*\))*"
)
_NOISE = ("Deprecated feature: ", "Sign command: ", "Binary ", "Manual intervention is required!")
_NO_CONF = "Error! Could not locate dkms.conf file."
_WHOSE = re.compile(r"File: /var/lib/dkms/([^/]{1,80})/([^/]{1,80})/\S* does not exist\.?")
_SOURCELESS = re.compile(r"Error! ([^\s,/:]{1,80})/([^\s,/:]{1,80}): Missing the module source directory .*")
BROKEN = "broken"
"""The state of a module whose sources are gone: DKMS 2 then exits with 4, DKMS 3 says it in a row and on stderr."""


@dataclass(frozen=True, slots=True)
class ModuleBuild:
    """A module for one kernel. `state` is added, built, installed, installed-weak or broken.

    `kernel` is None if it was only added, or is broken.
    """

    module: str
    version: str
    kernel: str | None
    state: str


def status(text: str) -> tuple[ModuleBuild, ...]:
    """The modules that DKMS manages. Raises Unparsable for a line of another form, and for an error about no module."""
    builds, nameless = [], 0
    for line in lines("dkms status", text):
        row, whose = _ROW.fullmatch(line), _WHOSE.fullmatch(line)
        sourceless = _SOURCELESS.fullmatch(line)
        if row is not None:
            builds.append(ModuleBuild(row[1], row[2], row[3], row[5]))
        elif whose is not None:
            builds.append(ModuleBuild(whose[1], whose[2], None, BROKEN))
            nameless -= 1
        elif sourceless is not None:
            builds.append(ModuleBuild(sourceless[1], sourceless[2], None, BROKEN))
        elif line == _NO_CONF:
            nameless += 1
        elif not line.startswith(_NOISE):
            raise unparsable("dkms status", line)
    if nameless > 0:
        raise unparsable("dkms status", _NO_CONF)
    return tuple(builds)
