"""N: what pods and the kubelet need to reach from every host: API server, kubelets, DNS, services, weave's peers."""

from __future__ import annotations

from ipaddress import ip_network

from checks.kubernetes import control_plane
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.facts.network import has_weave
from dlws.facts.reachability import dns_answer, unreachable_endpoints
from dlws.inventory import Node
from dlws.kubernetes import kubeadm
from dlws.parse.network import weave
from dlws.remote.host import Host

KUBELET_PORT, WEAVE_PORT, DNS_HOST = 10250, 6783, 10
DNS_NAME = "kubernetes.default.svc.cluster.local"
WEAVE = "http://127.0.0.1:6784/status"


@check(
    "N11",
    section="3.11",
    source="k8s, weave docs",
    title_zh="API Server、kubelet 与 Weave 端口可从其他主机访问",
    fix="look for a firewall or a missing route between the two hosts",
)
def test_components_can_be_reached(cluster: Cluster, node: Node, peers: tuple[Node, ...], host: Host) -> None:
    """The API server and all Weave peers are reachable from the host, and all kubelets from the master.

    A refused connection counts as reachable: C01 and K09 report a service that does not listen, N07 a firewall.
    """
    master = cluster.master
    wanted = [f"{master.address}:{kubeadm.API_PORT}"] if master in (node, *peers) else []
    wanted += [f"{peer.address}:{KUBELET_PORT}" for peer in peers if node == master]
    wanted += [f"{peer.address}:{WEAVE_PORT}" for peer in peers] if has_weave(host) else []
    expect("unreachable endpoints", found=unreachable_endpoints(host, wanted), expected=[])


@check(
    "N19",
    section="3.11",
    source="sonobuoy",
    title_zh="本机可通过集群 DNS 解析 Service",
    causes=[control_plane.test_cluster_dns_has_endpoints],
    fix="see kubectl -n kube-system logs of kube-proxy and of the pod network on this host",
)
def test_cluster_dns_answers(cluster: Cluster, host: Host) -> None:
    """Cluster DNS, at its service address, resolves the API server's Service from this host."""
    server = str(ip_network(cluster.service_range)[DNS_HOST])
    found = dns_answer(host, DNS_NAME, server)
    right = found.startswith("code 0 ") and not found.endswith(" 0")
    expect_that(right, f"answer of {server} for {DNS_NAME}", found=found, expected="an address")


@check(
    "N21",
    section="3.11",
    source="weave docs",
    title_zh="Weave 与其他主机的连接全部建立",
    fix="open 6783/tcp and 6783-6784/udp between the hosts; for sleeve, check 6784/udp and the MTU",
)
def test_weave_is_connected(cluster: Cluster, host: Host) -> None:
    """Weave has a fast datapath connection to every other host.

    A host without Weave's bridge has another pod network.
    """
    if not has_weave(host):
        return
    found = weave.connections(host.read(f"curl -sS -f -m 5 {WEAVE}/connections"))
    expect(
        "Weave connections with problems",
        found=[f"{c.address} {c.state} {c.mode}" for c in found if not c.is_good],
        expected=[],
    )
    joined = {c.address for c in found if c.is_good}
    expect_that(
        len(joined) == len(cluster.nodes) - 1,
        "hosts that Weave is connected to",
        found=sorted(joined),
        expected=f"{len(cluster.nodes) - 1}",
    )


@check(
    "N23",
    section="3.11",
    source="weave#3438",
    title_zh="Weave 中没有占用地址却失联的节点",
    fix="run weave rmpeer <peer> on one host to reclaim its addresses",
)
def test_weave_has_no_ghosts(host: Host) -> None:
    """No unreachable Weave peer still owns pod addresses."""
    if not has_weave(host):
        return
    ghosts = weave.unreachable_owners(host.read(f"curl -sS -f -m 5 {WEAVE}/ipam"))
    expect("unreachable Weave peers that own addresses", found=ghosts, expected=())
