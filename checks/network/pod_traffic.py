"""N: what pods and the kubelet need to reach from every host: API server, kubelets, DNS, services, weave's peers."""

from __future__ import annotations

from ipaddress import ip_network

from checks import firewall
from checks.kubernetes import control_plane
from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.check import check, elsewhere, expect, expect_present, expect_that
from dlws.engine.targets import master, whole_cluster
from dlws.facts import samples
from dlws.facts.across_hosts import reachable_hosts
from dlws.facts.firewall import networks_of, nft_drops, tables
from dlws.facts.kube_host import kubelets_of
from dlws.facts.network import has_weave
from dlws.facts.pairs import partners_in
from dlws.facts.reachability import dns_answer, silent_addresses, unreachable_endpoints
from dlws.inventory import Node
from dlws.kubernetes import kubeadm, network_policies, objects
from dlws.parse.network import iptables_save, weave
from dlws.platform import services
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import NotApplicable, Unknown

KUBELET_PORT, WEAVE_PORT, DNS_HOST = 10250, 6783, 10
SERVER = "kubernetes.default.svc"
"""The API server's Service, in the domain of Services."""
DNS_NAME = f"{SERVER}.cluster.local"
TRIED = 3
"""Pods of a node of which one must answer: a policy of its own may hide a pod."""
WEAVE = "http://127.0.0.1:6784/status"


@check(
    "N11",
    section="3.11",
    source="k8s, weave docs",
    title_zh="API Server、kubelet 与 Weave 端口可从其他主机访问（Weave 超过 32 台时抽样）",
    causes=[control_plane.test_api_server_is_ready, elsewhere(master, firewall.test_firewall_is_off)],
    sample=samples.other_hosts,
    fix="look for a firewall or a missing route between the two hosts",
)
def test_components_can_be_reached(cluster: Cluster, node: Node, peers: tuple[Node, ...], host: Host) -> None:
    """The host reaches the API server and its Weave peers (of more than 32 hosts a sample), the master all kubelets.

    The sample is that of N06. A refused connection counts as reachable: C01 and K09 report a service that does not
    listen, N07 a firewall.
    """
    server = cluster.master
    wanted = [f"{server.address}:{kubeadm.API_PORT}"] if server in (node, *peers) else []
    wanted += [f"{peer.address}:{KUBELET_PORT}" for peer in peers if node == server]
    wanted += [f"{peer.address}:{WEAVE_PORT}" for peer in peers] if has_weave(host) else []
    expect("unreachable endpoints", found=unreachable_endpoints(host, wanted), expected=[])


@check(
    "N29",
    section="3.11",
    source="iptables(8), nft(8)",
    title_zh="没有防火墙规则丢弃 Pod 的数据包",
    causes=[firewall.test_firewall_is_off],
    fix="find out what made the rule (iptables -t <table> -S <chain>; nft list table <family> <table>), and remove it"
    " there and by iptables -D or nft delete",
)
def test_no_rule_drops_pods(cluster: Cluster, host: Host) -> None:
    """No rule of iptables, nft or ebtables drops what pods send or receive before Kubernetes' own rules let it pass.

    Chains of Kubernetes, Docker and the pod network are their own; a rule for one port is not judged, save DNS. What
    comes in to the host itself is N07's.
    """
    dropping, doubts = nft_drops(host)
    found = [rule for each in tables(host) for rule in iptables_save.drops(each, networks_of(cluster))] + dropping
    expect("rules that drop the pods' packets", found=found, expected=[])
    if doubts:
        raise Unknown(f"whether these drop the pods' packets cannot be said: {'; '.join(doubts)}")


@check(
    "N30",
    section="3.11",
    source="k8s NetworkPolicy",
    on=whole_cluster,
    title_zh="没有 NetworkPolicy 切断 DLWS 的 Pod",
    fix="kubectl delete networkpolicy <name>, or add a rule that allows what the services need",
)
def test_no_policy_cuts_pods_off(kube: Kubernetes) -> None:
    """In DLWS's namespaces no NetworkPolicy denies a pod all it receives, or all it sends."""
    spaces = services.namespaces()
    policies = [p for p in kube.list("networkpolicies") if p["metadata"]["namespace"] in spaces]
    pods = [p for p in kube.list("pods") if not objects.is_finished(p)]
    found = network_policies.cut_off(policies, pods, kube.list("namespaces")) if policies else []
    expect("pods cut off by a NetworkPolicy", found=found, expected=[])


@check(
    "N31",
    section="3.11",
    source="k8s network model",
    on=whole_cluster,
    title_zh="每台主机可到达其他主机上的 Pod（超过 32 台时抽样）",
    sample=samples.pairs,
    causes=[names.test_peers_answer, test_no_rule_drops_pods],
    fix="compare ip route and the FORWARD chain of the two hosts; see the log of the pod network on both",
)
def test_pods_answer(cluster: Cluster, hosts: dict[str, Host], kube: Kubernetes) -> None:
    """From every host, at least one of the pods on each host answers a ping; of more than 32 hosts on a sample.

    The sample is that of N06, and the host itself. Of each host three pods are asked; those with hostNetwork are not of
    the pod network, those of a Job come and go.
    """
    asked = {node.name: _addresses_on(kube, node.name) for node in cluster.nodes}  # the same in every shard
    if not any(asked.values()):
        raise NotApplicable("no host has a ready pod in the pod network")
    lost = []
    for name, host in reachable_hosts(hosts).items():
        near = {name, *(node.name for node in partners_in(cluster, name))}
        there = {on: these for on, these in asked.items() if on in near and these}
        silent = {*silent_addresses(host, [address for found in there.values() for address in found])}
        dumb = [(on, these) for on, these in there.items() if on in hosts and {*these} <= silent]
        lost += [f"{name} to {on} ({', '.join(these)})" for on, these in dumb]
    expect("hosts that do not reach the pods of another", found=lost, expected=[])


@check(
    "N32",
    section="3.11",
    source="sonobuoy",
    on=whole_cluster,
    title_zh="每个集群 DNS Pod 均应答每台主机",
    causes=[
        control_plane.test_cluster_dns_has_endpoints,
        names.test_peers_answer,
        test_no_rule_drops_pods,
        test_pods_answer,
    ],
    fix="see kubectl -n kube-system logs of the DNS pod named; check the way to its host's pods (N31)",
)
def test_each_dns_pod_answers(hosts: dict[str, Host], kube: Kubernetes) -> None:
    """Every ready pod behind the cluster DNS resolves the API server's Service, asked from every host."""
    endpoints = expect_present(
        kube.get("endpoints", "kube-dns", namespace="kube-system"), "service kube-system/kube-dns"
    )
    pods = [address["ip"] for subset in endpoints.get("subsets") or () for address in subset.get("addresses") or ()]
    answers = {(n, ip): dns_answer(h, DNS_NAME, ip) for n, h in reachable_hosts(hosts).items() for ip in pods}
    wrong = [f"{ip} to {name}: {said}" for (name, ip), said in answers.items() if not _is_resolved(said)]
    expect(f"answers of DNS pods about {DNS_NAME} without an address", found=wrong, expected=[])


@check(
    "N19",
    section="3.11",
    source="sonobuoy",
    title_zh="本机可通过集群 DNS 解析 Service",
    causes=[control_plane.test_cluster_dns_has_endpoints, test_each_dns_pod_answers],
    fix="see kubectl -n kube-system logs of kube-proxy and of the pod network on this host",
)
def test_cluster_dns_answers(cluster: Cluster, host: Host) -> None:
    """Cluster DNS, at its service address, resolves the API server's Service from this host."""
    server = str(ip_network(cluster.service_range)[DNS_HOST])
    found = dns_answer(host, DNS_NAME, server)
    expect_that(_is_resolved(found), f"answer of {server} for {DNS_NAME}", found=found, expected="an address")


@check(
    "N36",
    section="3.11",
    source="k8s kubelet-config clusterDNS",
    title_zh="kubelet 给 Pod 的 DNS 服务器与域名可解析 Service",
    causes=[control_plane.test_cluster_dns_has_endpoints, test_each_dns_pod_answers, test_cluster_dns_answers],
    fix="set clusterDNS and clusterDomain in /var/lib/kubelet/config.yaml to those of the other hosts, without a flag"
    " that differs; restart the kubelet, and delete the pods of this host that were created meanwhile",
)
def test_pods_are_given_the_cluster_dns(host: Host) -> None:
    """Every name server that the kubelet gives pods resolves the API server's Service in the domain that it gives them.

    Now and at its next start. A pod with another finds no Service, whatever the host itself resolves.
    """
    for when, kubelet in kubelets_of(host).items():
        given = [*kubelet.cluster_dns]
        expect_that(given, f"name servers that the kubelet gives pods {when}", found="none", expected="the cluster DNS")
        name = f"{SERVER}.{kubelet.cluster_domain}".removesuffix(".")
        answers = {server: dns_answer(host, name, server) for server in given}
        wrong = [f"{server}: {said}" for server, said in answers.items() if not _is_resolved(said)]
        expect(f"answers about {name} of the name servers that pods are given {when}", found=wrong, expected=[])


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
    joined = {c.address for c in found}
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


def _is_resolved(answer: str) -> bool:
    return answer.startswith("code 0 ") and not answer.endswith(" 0")


def _addresses_on(kube: Kubernetes, node: str) -> list[str]:
    """The addresses of some ready pods of the pod network on a node, those of Kubernetes itself first.

    None of a Job's, which end by themselves: two shards of an audit, one of them such a pod, would ask others each.
    """
    pods = [
        pod
        for pod in kube.list("pods").on(node)
        if not pod["spec"].get("hostNetwork")
        and objects.is_ready(pod)
        and not objects.is_being_deleted(pod)
        and not objects.job_of(pod)
        and pod["status"].get("podIP")
    ]
    pods.sort(key=lambda pod: (pod["metadata"]["namespace"] != "kube-system", objects.name_of(pod)))
    return [str(pod["status"]["podIP"]) for pod in pods[:TRIED]]
