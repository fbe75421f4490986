"""Secure Boot, which rejects unsigned drivers (runbook 2.1: off on workers)."""

from __future__ import annotations

from enum import Enum

from dlws.parse.text import lines, unparsable


class SecureBoot(Enum):
    """NO_EFI: booted by BIOS, or without EFI variables; UNSUPPORTED: by the firmware. Both accept all drivers."""

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
    """`mokutil --sb-state 2>&1`, which prints "not supported" on stderr and exits with 1 or 255."""
    output = lines("mokutil --sb-state", text)
    answers = {_ANSWERS[line] for line in output if line in _ANSWERS}
    if len(answers) != 1:
        raise unparsable("mokutil --sb-state", output[0] if output else "")
    return answers.pop()
