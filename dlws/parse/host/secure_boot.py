"""SecureBoot, which keeps unsigned drivers out (runbook 2.1: off on workers)."""

from __future__ import annotations

import re
from enum import Enum

from dlws.parse.text import lines, number, unparsable


class SecureBoot(Enum):
    """NO_EFI: started by BIOS, or no EFI variables; UNSUPPORTED: firmware without it. Both let drivers in."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    NO_EFI = "no EFI"
    UNSUPPORTED = "unsupported"


_ANSWERS = {
    "SecureBoot enabled": SecureBoot.ENABLED,
    "SecureBoot disabled": SecureBoot.DISABLED,
    "EFI variables are not supported on this system": SecureBoot.NO_EFI,
    "This system doesn't support Secure Boot": SecureBoot.UNSUPPORTED,
}


def mokutil(text: str) -> SecureBoot:
    """`mokutil --sb-state 2>&1` (mokutil says "not supported" on stderr and exits 1 or 255)."""
    found = lines("mokutil --sb-state", text)
    answers = {_ANSWERS[line] for line in found if line in _ANSWERS}
    if len(answers) != 1:
        raise unparsable("mokutil --sb-state", found[0] if found else "")
    return answers.pop()


def efivar(text: str) -> SecureBoot:
    """`od -An -tu1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-...`: 4 bytes of attributes, then 1 or 0."""
    found = lines("efivar SecureBoot", text)
    values = [number("efivar SecureBoot", word) for word in re.split(r"[ \t]+", found[0].strip())] if found else []
    if len(found) != 1 or len(values) != 5 or values[-1] not in (0, 1):
        raise unparsable("efivar SecureBoot", found[0] if found else "")
    return SecureBoot.ENABLED if values[-1] else SecureBoot.DISABLED
