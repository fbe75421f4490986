"""NVIDIA's driver: the version of the loaded module, and that of the Fabric Manager beside it."""

from __future__ import annotations

import re

from dlws.parse.text import lines, only_line, unparsable

_VERSION = re.compile(
    r"NVRM version: NVIDIA UNIX .*Kernel Module(?: for \S+)?\s+([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})(?:\s.*)?"
)
_FABRIC_MANAGER = re.compile(r"Fabric Manager version is : ([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})")


def loaded(text: str) -> str:
    """/proc/driver/nvidia/version: the version of the loaded module. The second line, the compiler's, is skipped."""
    source = "/proc/driver/nvidia/version"
    line = only_line(source, "\n".join(line for line in lines(source, text) if line.startswith("NVRM version:")))
    version = _VERSION.fullmatch(line)
    if version is None:
        raise unparsable(source, line)
    return version[1]


def fabric_manager(text: str) -> str:
    """`nv-fabricmanager --version`: its version. Since driver 610 a line about the build follows."""
    source = "nv-fabricmanager --version"
    stripped = [line.strip() for line in lines(source, text)]
    version = _FABRIC_MANAGER.fullmatch(
        only_line(source, "\n".join(x for x in stripped if not x.startswith("Build Info")))
    )
    if version is None:
        raise unparsable(source, stripped[0])
    return version[1]
