"""Files of sysctl.d(5): kernel settings applied at boot."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "sysctl.d"
_SETTING = re.compile(r"-?\s*([A-Za-z0-9_./*-]+?)\s*=\s*(.*)")


def parse(text: str) -> dict[str, str]:
    """Values by key, of one file or of several concatenated in the order they are read: the last one wins.

    Keys are spelt with dots. If the first separator is a slash, dots and slashes are swapped, as sysctl does. A line
    without `=` sets nothing: it is a key that patterns leave alone (`-net.ipv4.ip_forward`), or what systemd-sysctl
    passes over ("Line is not an assignment", src/sysctl/sysctl.c), as `EOF` or `vm.max_map_count 262144`.
    """
    values: dict[str, str] = {}
    for line in lines(SOURCE, text):
        if line.lstrip().startswith(("#", ";")) or "=" not in line:
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
