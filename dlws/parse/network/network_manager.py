"""/etc/NetworkManager/NetworkManager.conf: its dnsmasq, which containers cannot reach (upstream prepare_ubuntu.sh)."""

from __future__ import annotations

import re

_DNSMASQ = re.compile(r"^[ \t]*dns[ \t]*=[ \t]*dnsmasq[ \t]*$", re.MULTILINE)


def dnsmasq_lines(text: str) -> tuple[str, ...]:
    """The live lines that turn dnsmasq on."""
    return tuple(line.strip() for line in _DNSMASQ.findall(text))


def without_dnsmasq(text: str) -> str:
    """The same text with those lines commented out; nothing else changes."""
    return _DNSMASQ.sub(lambda line: "#" + line[0], text)
