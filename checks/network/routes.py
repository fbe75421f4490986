"""N: the ways packets take: routes, interfaces, forwarding, proxies, and what the hosts fetch from."""

from __future__ import annotations

import re
from ipaddress import IPv4Network

from checks import docker
from checks.kubernetes import kube_host
from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.facts import samples
from dlws.facts.firewall import iptables_chain, iptables_chains
from dlws.facts.network import bond_members_down, interface_states, mtu_of, mtus, proxy_settings, routes
from dlws.facts.reachability import FETCH, registry_answers_openly, run_for_each, silent_peers
from dlws.inventory import Node
from dlws.parse.network import iptables_save
from dlws.parse.network.ip_route import Route
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

POD_DEVICE = r"(?:cni|weave|flannel|cali|tunl|vxlan|kube-|cilium|lxc|ovn)"
HEADERS = 28  # bytes of IP and ICMP
OVERHEAD = {"weave": 50, "flannel": 50, "vxlan": 50, "cilium_vxlan": 50, "tunl": 20}
"""Bytes that an overlay adds, by the beginning of its device's name."""
WEAVE_PORT = "vxlan-6784"
"""What weave's fast datapath sends through: made with the largest MTU there is, it bounds no packet; `weave` does."""
SLOWEST = 1000  # Mb/s


@check(
    "N08",
    section="3.11",
    source="docker 1.13",
    severity=Severity.WARNING,
    title_zh="Pod 流量可被转发",
    fix="iptables -P FORWARD ACCEPT, or find out why the pod network's own rules are missing",
)
def test_pods_are_forwarded(cluster: Cluster, host: Host) -> None:
    """The FORWARD chain accepts traffic from and to pods, by its policy, a rule or a chain of the pod network's own."""
    chain = iptables_chain(host, "FORWARD")
    pods = iptables_save.Networks([str(IPv4Network(cluster.pod_range, strict=False))])
    passes = chain.policy == "ACCEPT" or iptables_save.forwards(chain.rules, lambda: iptables_chains(host), pods)
    expect_that(passes, "FORWARD chain", found=f"policy {chain.policy}, no rule for pods", expected="pods accepted")


@check(
    "N12",
    section="3.7",
    source="weave#3012",
    title_zh="满 MTU 报文不分片可达其他主机（超过 32 台时抽样），且 Pod 网络 MTU 合适",
    sample=samples.other_hosts,
    causes=[names.test_peers_answer],
    fix="set one MTU on network interfaces and switch, and a lower one for the pod network"
    " (WEAVE_MTU for weave, otherwise in its configuration)",
)
def test_full_packets_arrive(node: Node, peers: tuple[Node, ...], host: Host) -> None:
    """Full-MTU packets reach the other hosts (of more than 32 a sample), and pods' MTU leaves room for headers.

    The sample is that of N06. The packets are as large as the interface's MTU and must not be fragmented.
    """
    mtu = mtu_of(host, node)
    large = [
        f"{interface} {size}"
        for interface, size in mtus(host, OVERHEAD).items()
        for prefix, overhead in OVERHEAD.items()
        if interface.startswith(prefix) and interface != WEAVE_PORT and size > mtu - overhead
    ]
    expect(f"overlays whose packets do not fit into {mtu} bytes", found=large, expected=[])
    silent = silent_peers(host, peers, f"-M do -s {mtu - HEADERS}")
    lost = [f"{peer.name} ({peer.address})" for peer in silent]
    expect(f"hosts that unfragmented packets of {mtu} bytes do not reach", found=lost, expected=[])


@preflight
@check(
    "N13",
    section="2.1",
    source="troubleshoot subnetAvailable",
    title_zh="Pod 与 Service 网段不与主机路由冲突",
    harmful="pods would take the addresses of other machines, and the ranges cannot be changed later",
    fix="choose other ranges in config.yaml before the install, or remove the route",
)
def test_ranges_meet_no_route(cluster: Cluster, host: Host) -> None:
    """No route of the host overlaps the pod or service range, except those of the pod network itself."""
    pods, services = (IPv4Network(text, strict=False) for text in (cluster.pod_range, cluster.service_range))
    nodes = {node.address for node in cluster.nodes}
    found = [r for r in routes(host) if not r.is_default]
    near = [r for r in found if r.network.overlaps(pods) or r.network.overlaps(services)]
    met = [str(r) for r in near if not of_pods(r, pods, nodes)]
    expect(f"routes that overlap {pods} or {services}", found=met, expected=[])


@check(
    "N15",
    section="2.1",
    source="NHC hw_eth",
    severity=Severity.WARNING,
    title_zh="物理网卡速率、双工正常且无错包",
    fix="see ethtool <interface>; change the cable or the port; set the switch port to autonegotiate",
)
def test_cards_run_well(host: Host) -> None:
    """Active physical network interfaces run at 1 Gb/s or more in full duplex, without new errors or link losses."""
    before, now = interface_states(host)
    if before.keys() != now.keys():
        raise unparsable("/sys/class/net", why="two readings list different interfaces")
    slow = [f"{name} {state.speed} Mb/s" for name, state in now.items() if 0 < state.speed < SLOWEST]
    expect("slow network interfaces", found=slow, expected=[])
    half = [name for name, state in now.items() if state.duplex == "half"]
    expect("network interfaces in half duplex", found=half, expected=[])
    worse = [name for name in now if before[name][2:] != now[name][2:]]
    expect("network interfaces with new errors or link losses", found=worse, expected=[])


@check(
    "N16",
    section="2.1",
    source="kernel bonding",
    severity=Severity.WARNING,
    title_zh="绑定（bond）网卡的成员均已连接",
    fix="see ip link and ethtool <interface>; change the cable or the switch port",
)
def test_bonds_are_whole(host: Host) -> None:
    """All member interfaces of every bond are up."""
    expect("bond members that are not up", found=bond_members_down(host), expected=())


@check(
    "N17",
    section="3.11",
    source="kubeadm HTTPProxyCIDR",
    severity=Severity.WARNING,
    title_zh="NO_PROXY 已包含集群内部地址",
    causes=[docker.test_docker_is_active, kube_host.test_kubelet_is_healthy],
    fix="add these to NO_PROXY there; systemctl daemon-reload; restart the service",
)
def test_proxies_leave_the_cluster_alone(cluster: Cluster, host: Host) -> None:
    """Where a proxy is set (of Docker or the kubelet as they run, or host-wide), NO_PROXY covers all of the cluster.

    That is hosts, services, pods and .svc.
    """
    wanted = [*(n.address for n in cluster.nodes), cluster.service_range, cluster.pod_range, ".svc"]
    settings = proxy_settings(host)
    missing = [f"{s.source}: {', '.join(left)}" for s in settings if (left := s.leaves_out(wanted))]
    expect("cluster addresses missing from NO_PROXY", found=missing, expected=[])


@check(
    "N18",
    section="2.1",
    source="product checklist",
    severity=Severity.WARNING,
    title_zh="软件源与镜像仓库可访问",
    fix="correct the address in config.yaml, or fix name resolution, routes or firewall on the way",
)
def test_sources_answer(cluster: Cluster, node: Node, host: Host) -> None:
    """The configured apt sources and the configured image registry host respond."""
    asked = sources(cluster, node)
    if not asked:
        packages = "packages come from suite.content" if cluster.content else "config.yaml names no apt source"
        raise NotApplicable(f"{packages}, and no registry host is configured")
    answers = run_for_each(host, FETCH, asked)
    silent = [url for url, (rc, _) in answers.items() if rc and not registry_answers_openly(host, url)]
    expect("sources that do not respond", found=silent, expected=[])
    broken = [f"{url} ({code})" for url, (_, code) in answers.items() if code.startswith("5")]
    expect("sources that return server errors", found=broken, expected=[])


def sources(cluster: Cluster, node: Node) -> list[str]:
    """The URLs of the apt mirror and sources of a host, and the registry's API where a registry host is named.

    With suite.content no apt source is asked, by the install or by this check.
    """
    mirror = (cluster.settings.apt_mirror_url or "").replace("\\", "")
    lines = [mirror, cluster.suite.kubernetes.apt_source or "", *(s.line for s in cluster.apt_sources(node))]
    apt = [] if cluster.content else re.findall(r"https?://\S+", " ".join(lines))
    registry = cluster.settings.dockerregistry.partition("/")[0]
    own = [f"https://{registry}/v2/"] if re.search(r"[.:]", registry) else []
    return list(dict.fromkeys([*apt, *own]))


def of_pods(route: Route, pods: IPv4Network, nodes: set[str]) -> bool:
    """Whether the pod network made the route: part of its range, over its devices, to a node, or to nowhere."""
    own = re.match(POD_DEVICE, route.device) or route.via in nodes or not (route.device or route.via)
    return bool(own) and route.network.subnet_of(pods)
