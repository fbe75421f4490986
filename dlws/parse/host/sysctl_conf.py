"""Files of sysctl.d(5): kernel settings applied at boot."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "sysctl.d"
_SETTING = re.compile(r"-?\s*([A-Za-z0-9_./*-]+?)\s*=\s*(.*)")
_EXCEPTION = re.compile(r"-[A-Za-z0-9_./*-]+")
"""A key that the patterns of other lines leave alone: it sets nothing."""


def parse(text: str) -> dict[str, str]:
    """Values by key, of one file or of several concatenated in the order they are read: the last one wins.

    Keys are spelt with dots. If the first separator is a slash, dots and slashes are swapped, as sysctl does.
    """
    values: dict[str, str] = {}
    for line in lines(SOURCE, text):
        if line.lstrip().startswith(("#", ";")) or _EXCEPTION.fullmatch(line.strip()):
            continue
        setting = _SETTING.fullmatch(line.strip())
        if setting is None:
            raise unparsable(SOURCE, line)
        separator = re.search(r"[./]", setting[1])
        slashed = separator is not None and separator[0] == "/"
        key = setting[1].translate(str.maketrans("./", "/.")) if slashed else setting[1]
        values.pop(key, None)
        values[key] = setting[2].strip()
    return values
