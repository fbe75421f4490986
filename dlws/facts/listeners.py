"""What listens on a host, and whether a pod holds it."""

from __future__ import annotations

import re

from dlws.parse.network import sockets
from dlws.parse.network.sockets import Listener
from dlws.parse.text import unparsable
from dlws.remote.host import Host

LISTENERS = "ss -Hlntup"
NONE = "it lists nothing, not even the SSH server by which it was asked"
POD_PROCESSES = "for f in /proc/[0-9]*/cgroup; do if grep -qs kubepods $f; then echo ${f%/cgroup}; fi; done"


def listening_sockets(host: Host) -> tuple[Listener, ...]:
    """All sockets that take connections or packets. Unparsable where there is none: the SSH server has one."""
    if found := sockets.parse(host.read(LISTENERS)):
        return found
    raise unparsable(LISTENERS, why=NONE)


def outside_pods(host: Host, found: list[Listener]) -> list[Listener]:
    """Those of the listeners that no process of a pod holds."""
    rows = [re.fullmatch("/proc/([0-9]+)", line) for line in host.lines(POD_PROCESSES)]
    if None in rows:
        raise unparsable("processes of pods", why="listing not understood")
    pids = {int(row[1]) for row in rows if row}
    return [s for s in found if not pids & {pid for _, pid in s.owners}]


HOLDERS = (
    'all=$(ss -Hltnp) || exit; echo "$all" | while read -r state a b local peer users; do'
    ' pid=${users#*pid=}; pid=${pid%%,*}; case "$pid" in ""|*[!0-9]*) continue;; esac;'
    ' name=${users#*\\"}; name=${name%%\\"*};'
    ' if grep -q kubepods "/proc/$pid/cgroup"; then where=pod; else where=host; fi;'
    ' echo "${local##*:} $where $name"; done'
)
"""Prints for every listening port: the port, `pod` or `host` (by the control group of the process), its name."""


def port_holders(host: Host) -> list[tuple[int, str, str]]:
    """Who listens on the host: port, `pod` or `host`, the process's name. Unparsable where nobody does."""
    rows = []
    for line in host.lines(HOLDERS):
        found = re.fullmatch(r"([0-9]{1,5}) (pod|host) (.+)", line)
        if found is None:
            raise unparsable("ss", line)
        rows.append((int(found[1]), found[2], found[3]))
    if not rows:
        raise unparsable("ss", why=NONE)
    return rows
