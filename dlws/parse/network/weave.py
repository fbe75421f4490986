"""Weave Net's status pages at `127.0.0.1:6784/status`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

_CONNECTION = re.compile(r"(->|<-)\s*(\S+)\s+(established|pending|retrying|failed|connecting)\s*(.*)")
_SHARE = re.compile(r"([0-9a-f:]{17})\((.+?)\)\s+([0-9]+) IPs \([^)]+\)(.*)")


@dataclass(frozen=True, slots=True)
class PeerConnection:
    """One connection to a peer; `mode` as reported by weave: `fastdp 1a:..(atlas01) mtu=1376`, `sleeve`, an error.

    With a password it begins with `encrypted` or, to a trusted subnet, `unencrypted` (mesh's status.go).
    """

    state: str
    address: str
    mode: str

    @property
    def is_good(self) -> bool:
        """True if it is established and not in sleeve mode, which is slow because it runs in user space."""
        words = [word for word in self.mode.split() if word not in ("encrypted", "unencrypted")]
        return self.state == "established" and words[:1] != ["sleeve"]


def connections(text: str) -> tuple[PeerConnection, ...]:
    """`/status/connections`, without the line `cannot connect to ourself`."""
    peers = []
    for line in lines("weave status connections", text):
        row = _CONNECTION.fullmatch(line.strip())
        if row is None:
            raise unparsable("weave status connections", line)
        if "cannot connect to ourself" not in row[4]:
            peers.append(PeerConnection(row[3], row[2].rpartition(":")[0], row[4].strip()))
    return tuple(peers)


def unreachable_owners(text: str) -> tuple[str, ...]:
    """`/status/ipam`: unreachable peers that still own addresses of the pod range (weave#3438)."""
    rows = [_SHARE.fullmatch(line.strip()) for line in lines("weave status ipam", text)]
    if None in rows or not rows:
        raise unparsable("weave status ipam", text.strip().partition("\n")[0])
    return tuple(row[2] for row in rows if row and "unreachable" in row[4])
