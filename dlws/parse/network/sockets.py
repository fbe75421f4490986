"""`ss -Hlntup`: listening sockets and their processes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "ss -l"
_ROW = re.compile(
    r"(?:mp)?(?P<kind>tcp|udp)\s+(?:LISTEN|UNCONN)\s+[0-9]+\s+[0-9]+\s+(?P<address>\S+):(?P<port>[0-9]{1,5})\s+\S+:\S+"
    r"(?:\s+users:\((?P<owners>.*?)\))?(?:\s+(?!users:)(?:\S+:\S*|[<-]-[->]))*"
)
_OWNER = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=([0-9]{1,10}),fd=[0-9]+\)')
_LOOPBACK = re.compile(r"127\.[0-9.]+|\[::1\]|\[::ffff:127\.[0-9.]+\]")
EVERYWHERE = ("0.0.0.0", "*", "[::]")


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket. `owners` are process names (at most 15 characters) and pids; empty for the kernel's (NFS)."""

    kind: str
    address: str
    port: int
    owners: tuple[tuple[str, int], ...]

    @property
    def is_open(self) -> bool:
        """True if it listens on every address of the host."""
        return self.address in EVERYWHERE

    @property
    def is_reachable(self) -> bool:
        """True if others than the host itself reach it: on any address but a loopback one."""
        return _LOOPBACK.fullmatch(self.address) is None

    @property
    def names(self) -> tuple[str, ...]:
        """The owners' names, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.owners))

    def __str__(self) -> str:
        return f"{self.port}/{self.kind} ({', '.join(self.names) or 'no process'})"


def parse(text: str) -> tuple[Listener, ...]:
    """`ss -Hlntup` of iproute2 4.15 to 6.1, with what `-e` adds (`cgroup:... <->`).

    The interface in `address%interface` is dropped.
    """
    listeners = []
    for line in lines(SOURCE, text):
        row = _ROW.fullmatch(line)
        if row is None or (row["owners"] and not _OWNER.search(row["owners"])):
            raise unparsable(SOURCE, line)
        owners = tuple((name, int(pid)) for name, pid in _OWNER.findall(row["owners"] or ""))
        listeners.append(Listener(row["kind"], row["address"].partition("%")[0], int(row["port"]), owners))
    return tuple(listeners)
