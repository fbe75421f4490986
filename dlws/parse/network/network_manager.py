"""NetworkManager.conf: its dnsmasq, which containers cannot reach (upstream prepare_ubuntu.sh)."""

from __future__ import annotations

import re

_DNSMASQ = re.compile(r"^[ \t]*dns[ \t]*=[ \t]*dnsmasq[ \t]*$", re.MULTILINE)


def dnsmasq_lines(text: str) -> tuple[str, ...]:
    """The active lines that turn dnsmasq on, such as `dns=dnsmasq`."""
    return tuple(line.strip() for line in _DNSMASQ.findall(text))


def without_dnsmasq(text: str) -> str:
    """The text with those lines commented out and nothing else changed."""
    return _DNSMASQ.sub(lambda line: "#" + line[0], text)
