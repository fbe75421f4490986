"""`sshd -T`: sshd's effective configuration (runbook 2.1, root login)."""

from __future__ import annotations

import re

from dlws.parse.text import lines_from, unparsable

SOURCE = "sshd -T"
_ROW = re.compile(r"([a-z][a-z0-9]{1,60})(?: (.*))?")


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """The values of each keyword (lower case) in order; `hostkey` and others occur several times.

    Raises Unparsable unless both the first keyword, `port`, and one of the last, `ipqos`, are present.
    """
    values: dict[str, tuple[str, ...]] = {}
    for line in lines_from(SOURCE, text, re.compile(r"port [0-9]{1,5}$")):
        row = _ROW.fullmatch(line)
        if row is None:
            raise unparsable(SOURCE, line)
        values[row[1]] = (*values.get(row[1], ()), row[2] or "")
    if "ipqos" not in values:
        raise unparsable(SOURCE, line, "cut off after")
    return values
