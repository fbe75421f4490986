"""SecureBoot, which keeps unsigned drivers out (runbook 2.1: off on workers)."""

from __future__ import annotations

from enum import Enum

from dlws.parse.text import lines, unparsable


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
