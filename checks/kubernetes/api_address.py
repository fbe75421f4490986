"""C, N: whether the API server answers at the addresses that are not the master's: its service's, its virtual IP."""

from __future__ import annotations

from ipaddress import ip_network

from checks.kubernetes import control_plane
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect_that
from dlws.engine.targets import whole_cluster
from dlws.facts.across_hosts import reachable_hosts
from dlws.facts.network import has_address
from dlws.facts.reachability import http_answer
from dlws.kubernetes.kubeadm import API_PORT
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Unknown

API_HOST = 1
"""The first address of the service range is the API server's."""


@check(
    "N20",
    section="3.11",
    source="kube-proxy",
    title_zh="本机可通过 Service 地址访问 API Server",
    causes=[control_plane.test_api_server_is_ready],
    fix="check the log of this host's kube-proxy pod, and iptables -t nat -S KUBE-SERVICES",
)
def test_service_address_answers(cluster: Cluster, host: Host) -> None:
    """The API server is reachable from this host at its service address, so kube-proxy works."""
    expect_api_server(host, f"https://{ip_network(cluster.service_range)[API_HOST]}:443/version")


@check(
    "C15",
    section="3.11",
    source="ascend-deployer FAQ",
    on=whole_cluster,
    title_zh="虚拟 IP 仅由一台主机持有，且可由此访问 API Server",
    causes=[control_plane.test_api_server_is_ready],
    fix="check the log of keepalived or kube-vip, and ip -4 -o addr, on the hosts that may hold it",
)
def test_virtual_ip_answers(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Exactly one host holds the virtual IP, and the API server answers on it from a host that does not."""
    address = cluster.suite.kubernetes.virtual_ip
    if address is None:
        raise NotApplicable("suite.kubernetes.virtual_ip is not set")
    holders = [name for name, host in reachable_hosts(hosts).items() if has_address(host, str(address))]
    if not holders and len(hosts) < len(cluster.nodes):
        raise Unknown(f"{address}: no reachable host holds it, and not every host is reachable")
    expect_that(len(holders) == 1, f"hosts holding {address}", found=holders, expected="exactly one")
    others = [host for name, host in hosts.items() if name not in holders]
    expect_api_server((others or [hosts[holders[0]]])[0], f"https://{address}:{API_PORT}/version")


def expect_api_server(host: Host, url: str) -> None:
    """Mismatch unless an API server answers the host at a URL, be it that it wants to know who asks."""
    answer, asked = http_answer(host, url), f"{url} from {host.name}"
    expect_that(not answer.trouble, asked, found=answer.trouble, expected="an answer")
    expect_that(answer.status in ("200", "401", "403"), asked, found=answer.status, expected="200")
