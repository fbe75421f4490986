"""N: the ports of the platform's services on the hosts (docs/upstream.md#ports). They are on the hosts' own network."""

from __future__ import annotations

import re

from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import platform_hosts
from dlws.inventory import Node
from dlws.parse.text import unparsable
from dlws.platform import services
from dlws.remote.host import Host

HOLDERS = (
    'all=$(ss -Hltnp) || exit; echo "$all" | while read -r state a b local peer users; do'
    ' pid=${users#*pid=}; pid=${pid%%,*}; case "$pid" in ""|*[!0-9]*) continue;; esac;'
    ' name=${users#*\\"}; name=${name%%\\"*};'
    ' if grep -q kubepods "/proc/$pid/cgroup"; then where=pod; else where=host; fi;'
    ' echo "${local##*:} $where $name"; done'
)
"""Prints for every listening port: the port, `pod` or `host` (by the control group of the process), its name."""


@check(
    "N28",
    section="3.16",
    source="upstream check_service.py",
    on=platform_hosts,
    title_zh="DLWS 服务端口未被主机上其他进程占用",
    fix="stop the process that holds the port, and disable it at boot",
    causes=[names.test_apache_is_off],
)
def test_host_ports(node: Node, cluster: Cluster, host: Host) -> None:
    """No process outside a pod holds a port that DLWS services need on this host."""
    wanted = services.host_ports(cluster, node)
    taken = sorted({(p, name) for p, where, name in holders(host) if p in wanted and where == "host"})
    found = [f"{port} ({wanted[port]}) held by {name}" for port, name in taken]
    expect("DLWS service ports held by host processes", found=found, expected=[])


def holders(host: Host) -> list[tuple[int, str, str]]:
    """Who listens on the host: port, `pod` or `host`, the process's name."""
    rows = []
    for line in host.lines(HOLDERS):
        found = re.fullmatch(r"([0-9]{1,5}) (pod|host) (.+)", line)
        if found is None:
            raise unparsable("ss", line)
        rows.append((int(found[1]), found[2], found[3]))
    return rows
