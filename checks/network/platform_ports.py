"""N: the ports of the platform's services on the hosts (docs/upstream.md#ports). They are on the hosts' own network."""

from __future__ import annotations

from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import platform_hosts
from dlws.facts.listeners import port_holders
from dlws.inventory import Node
from dlws.platform import services
from dlws.remote.host import Host


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
    taken = sorted({(p, name) for p, where, name in port_holders(host) if p in wanted and where == "host"})
    found = [f"{port} ({wanted[port]}) held by {name}" for port, name in taken]
    expect("DLWS service ports held by host processes", found=found, expected=[])
