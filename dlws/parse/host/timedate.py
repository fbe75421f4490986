"""`timedatectl`: whether the clock is synchronised. systemd 237 (Ubuntu 18.04) knows no `show`."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

_ROW = re.compile(r"\s*(?:System clock|NTP) synchronized: (yes|no)")


def synchronised(text: str) -> bool:
    """`System clock synchronized: yes` (from 235 on) or `NTP synchronized: yes` (229)."""
    found = [row[1] for line in lines("timedatectl", text) if (row := _ROW.fullmatch(line))]
    if len(found) != 1:
        raise unparsable("timedatectl", text.strip().partition("\n")[0], "nothing of synchronisation in")
    return found[0] == "yes"
