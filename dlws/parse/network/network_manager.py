"""NetworkManager.conf and its snippets: dnsmasq, which containers cannot reach (upstream prepare_ubuntu.sh)."""

from __future__ import annotations

import re

from dlws.parse.text import lines, unparsable

SOURCE = "NetworkManager.conf"
_DNSMASQ = re.compile(r"^[ \t]*dns[ \t]*=[ \t]*dnsmasq[ \t]*$", re.MULTILINE)
_DNS = re.compile(r"\s*dns\s*=\s*(.*)")
_FILE = re.compile(r"== (/.*)")
_SECTION = re.compile(r"\s*\[(.*)\]")


def with_dnsmasq(text: str) -> tuple[str, ...]:
    """The files, each behind a line `== PATH`, in which a line turns dnsmasq on; of the last one that decides about it.

    NetworkManager reads them in this order, and of `dns` in the section `main` the last counts
    (NetworkManager.conf(5)): empty where that is another.
    """
    found: list[str] = []
    path, section, value = "", "main", ""
    for line in lines(SOURCE, text):
        if row := _FILE.fullmatch(line):
            path, section = row[1], "main"
        elif not path:
            raise unparsable(SOURCE, line)
        elif row := _SECTION.fullmatch(line):
            section = row[1].strip()
        elif section == "main" and (row := _DNS.fullmatch(line)):
            value = row[1]
            found += [path] if value == "dnsmasq" else []
    return tuple(dict.fromkeys(found)) if value == "dnsmasq" else ()


def without_dnsmasq(text: str) -> str:
    """The text with the lines that turn dnsmasq on commented out and nothing else changed."""
    return _DNSMASQ.sub(lambda line: "#" + line[0], text)
