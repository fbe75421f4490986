"""How a host leaves a cluster, for scale_down and reset: the steps, and the checks that must pass at the end.

The audit does not include these checks, as they fail on every host that is still in the cluster.
"""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import expect, expect_that, goal
from dlws.engine.targets import all_leaving, every_machine, leaving_hosts, lost_hosts
from dlws.facts.kube_host import membership_of
from dlws.facts.reachability import silent_peers, unreachable_endpoints
from dlws.inventory import Node
from dlws.kubernetes.kubeadm import LOG
from dlws.kubernetes.membership import KUBECTL, Part
from dlws.kubernetes.objects import Object, condition, condition_in_words
from dlws.parse.versions import kubernetes as version_of
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

LEFT_BEHIND = "for f in /etc/cni/net.d/* /var/lib/cni; do test ! -e $f || echo $f; done"
INTERFACES = ("cni0", "weave", "datapath", "vxlan-6784", "flannel.1", "vxlan.calico", "kube-bridge", "kube-ipvs0")
"""Interfaces that pod networks create and kubeadm reset leaves behind (see kubespray reset, weave reset). In the next
cluster, where the node has another range, a bridge with its old address would keep pods from starting."""
LEASES = "kube-node-lease"
DRAIN = 15 * 60  # seconds: pods may use their grace period, jobs may write a last checkpoint
COLLECTED = 180  # seconds: the pod garbage collector runs every 20 s and waits another 40 s for a missing node


@goal(
    "K91",
    section="scale_down",
    source="kubectl drain",
    on=leaving_hosts,
    title_zh="待移除的节点上没有业务 Pod",
    fix="kubectl drain <node>; check the pods that do not terminate",
)
def test_no_work_is_left(node: Node, kube: Kubernetes) -> None:
    """No pod other than the node's own (DaemonSet and static pods) runs on it."""
    expect("pods left to evict", found=work_on(kube, node.name), expected=[])


@goal(
    "K92",
    section="scale_down",
    source="kubectl delete node",
    on=all_leaving,
    title_zh="待移除的节点已从集群删除",
    fix="kubectl delete node <node>",
)
def test_node_is_gone(node: Node, kube: Kubernetes) -> None:
    """The cluster has neither a node of this name nor a pod assigned to it."""
    expect_that(kube.get("nodes", node.name) is None, "node", found=node.name, expected="none")
    left = [pod["metadata"]["name"] for pod in kube.list("pods") if pod["spec"].get("nodeName") == node.name]
    expect(f"pods on {node.name}", found=left, expected=[])


@goal(
    "K94",
    section="scale_down",
    source="kubernetes node leases",
    on=all_leaving,
    title_zh="待移除的节点没有遗留租约",
    fix="stop the host's kubelet; then kubectl -n kube-node-lease delete lease <node>",
)
def test_no_lease_is_left(node: Node, kube: Kubernetes) -> None:
    """No lease of the node is left, not even one recreated by a kubelet that outlived its node."""
    expect_that(kube.get("leases", node.name, namespace=LEASES) is None, "lease", found=node.name, expected="none")


@goal(
    "K93",
    section="scale_down",
    source="kubeadm reset",
    on=every_machine,
    title_zh="主机上没有 Kubernetes 残留",
    fix="kubeadm reset -f; rm -r /etc/cni/net.d/* /var/lib/cni; systemctl disable --now kubelet;"
    " ip link delete cni0 (and other pod network interfaces)",
)
def test_host_is_clean(host: Host) -> None:
    """The host belongs to no cluster: it has no Kubernetes files, running kubelet or pod network."""
    found = membership_of(host)
    expect_that(found.part is Part.NONE, "Kubernetes files", found=found.said, expected="none")
    expect("pod network files", found=host.lines(LEFT_BEHIND), expected=[])
    left = [name for name in INTERFACES if name in host.lines("ls /sys/class/net")]
    expect("pod network interfaces", found=left, expected=[])
    kubelet, off = host.service("kubelet"), ("inactive", "failed")
    expect_that(kubelet.active_state in off, "kubelet", found=kubelet.active_state, expected="inactive")
    at_boot = kubelet.unit_file_state
    expect_that(at_boot != "enabled", "kubelet at boot", found=at_boot, expected="not enabled")


@goal(
    "K98",
    section="scale_down",
    source="kubernetes node conditions",
    on=lost_hosts,
    title_zh="已失去的主机无任何应答",
    harmful="pods that still run there would go on writing to shared storage, beside those that replace them",
    fix="if the host is alive, take it out of suite.lost_hosts: it then leaves in order. If it is not to live, switch"
    " off its power; Kubernetes notices within a minute: run again",
)
def test_host_is_silent(node: Node, kube: Kubernetes, master: Host) -> None:
    """Nothing answers the master at the address of a host that was lost, and its kubelet reports to no API server."""
    expect_that(silent_peers(master, [node]) == [node], f"ping of {node.address}", found="an answer", expected="none")
    endpoint = f"{node.address}:{node.ssh_port}"
    silent = unreachable_endpoints(master, [endpoint]) == [endpoint]
    expect_that(silent, f"connection to {endpoint}", found="an answer", expected="none")
    if there := kube.get("nodes", node.name):
        reports = condition(there, "Ready") in ("True", "False")
        found = condition_in_words(there, "Ready")
        expect_that(not reports, "node's condition Ready", found=found, expected="Unknown: no word from its kubelet")


def drain(cluster: Cluster, node: Node, on_master: Change) -> None:
    """Evict the pods of a node except DaemonSets. Bare pods, such as DLWS's jobs, are not recreated elsewhere."""
    empty = (
        "--delete-local-data" if version_of(cluster.kubernetes_version).numbers < (1, 20) else "--delete-emptydir-data"
    )
    command = f"{KUBECTL} drain {node.name} --ignore-daemonsets --force {empty} --timeout={DRAIN}s"
    on_master.run(command, deadline=DRAIN + 60.0, text=f"kubectl drain {node.name}")


def forget(node: Node, on_master: Change) -> None:
    """Delete a node, and wait until the garbage collector, which runs periodically, has removed its pods."""
    on_master.delete("nodes", node.name)
    pods = f"{KUBECTL} get pods --all-namespaces -o name --field-selector spec.nodeName={node.name}"
    gone = f"timeout {COLLECTED} sh -c 'until test -z \"$({pods})\"; do sleep 1; done'"
    on_master.run(gone, deadline=COLLECTED + 30.0, text=f"wait until no pod of {node.name} is left in the API")


def reset(change: Change) -> None:
    """Remove Kubernetes and the pod network's interfaces from a host. iptables rules remain until the next boot."""
    change.run(f"umask 077; kubeadm reset -f >{LOG} 2>&1", deadline=10 * 60.0, text="kubeadm reset")
    change.run("rm -rf /etc/cni/net.d/* /var/lib/cni")
    change.run("systemctl disable --now kubelet")
    delete = "! ip link show dev $i >/dev/null 2>&1 || ip link delete $i"
    change.run(f"for i in {' '.join(INTERFACES)}; do {delete}; done", text="delete the pod network's interfaces")


def work_on(kube: Kubernetes, name: str) -> list[str]:
    """Pods on a node that a drain would evict, as `namespace/name`: no DaemonSet, static or finished pods."""
    pods = [pod for pod in kube.list("pods") if pod["spec"].get("nodeName") == name]
    return [f"{p['metadata']['namespace']}/{p['metadata']['name']}" for p in pods if _is_work(p)]


def _is_work(pod: Object) -> bool:
    meta = pod["metadata"]
    owners = {owner["kind"] for owner in meta.get("ownerReferences") or ()}
    mirror = "kubernetes.io/config.mirror" in (meta.get("annotations") or {})
    return not (mirror or "DaemonSet" in owners or pod["status"].get("phase") in ("Succeeded", "Failed"))
