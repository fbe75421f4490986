"""`timedatectl`: whether the clock is synchronised. systemd 237 (Ubuntu 18.04) has no `timedatectl show`."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_ROW = re.compile(r"\s*(?:System clock|NTP) synchronized: (yes|no)")


def synchronised(text: str) -> bool:
    """`System clock synchronized: yes` (systemd 235 and newer) or `NTP synchronized: yes` (229)."""
    answers = [row[1] for line in lines("timedatectl", text) if (row := _ROW.fullmatch(line))]
    if len(answers) != 1:
        raise unparsable("timedatectl", text.strip().partition("\n")[0], "nothing about synchronisation in")
    return answers[0] == "yes"
