"""`getfacl -cpE FILE`: whom a POSIX access control list gives more than the mode says (acl(5), getfacl(1))."""

from __future__ import annotations

import re
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "getfacl"
_ENTRY: Final = re.compile(r"(?P<kind>user|group|mask|other):(?P<name>[^:]*):(?P<rights>[r-][w-][xXsStT-])")
_MEANT: Final = frozenset((("user", "root"), ("group", "root"), ("group", "docker")))
"""Those who have Docker's socket anyway."""


def others_who_write(text: str) -> list[str]:
    """The named entries that may write, without root's and the group docker's: `["user:ops:rw-"]`.

    What the mask takes away they do not have.
    """
    entries = []
    for line in lines(SOURCE, text):
        entry = _ENTRY.fullmatch(line.strip())
        if entry is None:
            raise unparsable(SOURCE, line)
        entries.append(entry)
    if not entries:
        raise unparsable(SOURCE, why="no entry")
    masked = any(entry["kind"] == "mask" and entry["rights"][1] != "w" for entry in entries)
    named = [entry for entry in entries if entry["name"] and (entry["kind"], entry["name"]) not in _MEANT]
    return [] if masked else [entry[0] for entry in named if entry["rights"][1] == "w"]
