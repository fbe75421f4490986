"""K, T, C, D: the host as a node of this cluster, and the credentials that were kept of it."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine import targets
from dlws.engine.check import check, expect, expect_among, expect_that
from dlws.facts.control_host import access_to
from dlws.facts.credentials import ROOT_CONFIG, cluster_ca, public_parts
from dlws.facts.kube_host import pod_network_of
from dlws.facts.nodes import labels_of, master_taints, nodes_by_name
from dlws.inventory import Node
from dlws.kubernetes import kubeadm, labels, membership, objects, pod_network
from dlws.kubernetes.objects import Object
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes
from dlws.verdict import NotApplicable, Severity


@check(
    "T08",
    section="3.11",
    source="kubeadm discovery",
    title_zh="主机信任本集群的 CA",
    harmful="the host is a node of another cluster, whose pods an install would take down",
    fix="the host was joined to another cluster: run kubeadm reset on it, then pytest -m install",
)
def test_host_trusts_this_cluster(cluster: Cluster, host: Host, control: Host) -> None:
    """The host and its kubelet trust this cluster's CA."""
    ours = cluster_ca(cluster, control)
    expect(membership.CA, found=membership.ca_hash(host.read("cat %s", membership.CA)), expected=ours)
    found = public_parts(host, membership.KUBELET_CONF).ca_hash
    expect(f"CA in {membership.KUBELET_CONF}", found=found, expected=ours)


@check(
    "K06",
    section="3.11",
    source="upstream labelworker, labelservice",
    title_zh="服务与作业所选用的节点标签正确",
    fix="run pytest -m install --stages labels",
)
def test_labels_that_select(cluster: Cluster, node: Node, kube: Kubernetes) -> None:
    """The node has the configured labels that services and jobs select by, and none meant for other nodes."""
    found = labels_of(registered(kube, node))
    wanted = {k: v for k, v in labels.for_node(cluster, node).items() if k in labels.CONSUMED}
    wrong = [f"{k}={v} is {found.get(k, 'missing')}" for k, v in wanted.items() if found.get(k) != v]
    expect("wrong labels", found=wrong, expected=[])
    expect("labels meant for other nodes", found=labels.misplaced(cluster, node, found), expected=[])


@check(
    "K26",
    section="3.11",
    source="upstream labelservice",
    severity=Severity.INFO,
    title_zh="其余节点标签与上游一致",
    fix="run pytest -m install --stages labels",
)
def test_other_labels(cluster: Cluster, node: Node, kube: Kubernetes) -> None:
    """The labels that nothing selects by are set as upstream sets them."""
    found = labels_of(registered(kube, node))
    wanted = {k: v for k, v in labels.for_node(cluster, node).items() if k not in labels.CONSUMED}
    expect("missing or wrong labels", found=sorted(k for k, v in wanted.items() if found.get(k) != v), expected=[])


@check(
    "K27",
    section="3.11",
    source="upstream kubernetes uncordon",
    on=targets.master,
    title_zh="主节点污点与配置一致",
    fix="correct suite.kubernetes.master_as_worker; run pytest -m install --stages master_taint",
)
def test_master_takes_jobs_as_configured(cluster: Cluster, node: Node, kube: Kubernetes) -> None:
    """The master has its NoSchedule taint, unless the configuration makes it a worker too."""
    found = master_taints(registered(kube, node))
    free = cluster.suite.kubernetes.master_as_worker
    expect_that(
        bool(found) is not free, "master taints", found=found, expected="none" if free else labels.MASTER_TAINTS[0]
    )


@check(
    "C21",
    section="3.11",
    source="runbook 3.11",
    on=targets.pod_network_master,
    title_zh="Pod 网络已部署，镜像与清单文件一致",
    fix="run pytest -m install --stages pod_network",
)
def test_pod_network_is_applied(cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
    """Every workload in the pod network's manifest is in the cluster, with the manifest's images."""
    for workload in pod_network_of(cluster, notes):
        there = kube.get(f"{workload.kind}s", workload.name, namespace=workload.namespace)
        found = pod_network.images_of(there) if there else "nothing"
        expect(f"images of {workload.kind} {workload.name}", found=found, expected=workload.images)


@check(
    "C26",
    section="3.11",
    source="k8s network plugins",
    on=targets.pod_network_master,
    title_zh="每个就绪节点上均有就绪的 Pod 网络 Pod",
    causes=[test_pod_network_is_applied],
    fix="see the log of its pod there; or, where there is none, by which node selector, affinity or tolerations the"
    " DaemonSet leaves the node out",
)
def test_pod_network_runs_everywhere(cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
    """Every ready node has a ready pod of one of the pod network's DaemonSets; some networks have one for each CPU.

    Where some of them install network plugins, one of these: cilium-envoy alone is no network.

    A node whose pod is gone stays Ready, and its pods go on until the next of them, or a boot, needs the network.
    """
    workloads = [w for w in pod_network_of(cluster, notes) if w.kind == "daemonset"]
    if not workloads:
        raise NotApplicable("the pod network's manifest has no DaemonSet")
    there = [kube.get("daemonsets", w.name, namespace=w.namespace) for w in workloads]
    known = [one for one in there if one]
    installing = [one for one in known if objects.installs_network_plugins(one)] or known
    pods = [pod for one in installing for pod in objects.selected(kube.list("pods"), one) if objects.is_ready(pod)]
    served = {pod["spec"].get("nodeName") for pod in pods}
    bare = [name for name in objects.ready_names(kube.list("nodes")) if name not in served]
    expect("ready nodes without a ready pod of the pod network", found=bare, expected=[])


@check(
    "K28",
    section="3.11",
    source="runbook 3.11",
    on=targets.master,
    title_zh="主节点上 root 的 kubeconfig 有效且仅属主可读",
    fix="install -m 600 /etc/kubernetes/admin.conf /root/.kube/config",
)
def test_root_has_a_kubeconfig(host: Host) -> None:
    """On the master, root's kubeconfig is the cluster's admin.conf and is readable by root only."""
    file = host.file(ROOT_CONFIG)
    found = f"{file.mode:o} {file.user}" if file.exists else "no file"
    expect("mode and owner of kubeconfig", found=found, expected="600 root")
    same = host.run_expect([0, 1], "cmp -s %s %s", membership.ADMIN_CONF, ROOT_CONFIG).rc == 0
    expect_that(same, ROOT_CONFIG, found="different content", expected=f"the content of {membership.ADMIN_CONF}")


@check(
    "D20",
    section="3.11",
    source="upstream kubeadm init",
    on=targets.control_host,
    title_zh="控制主机上的 admin.conf 属于本集群且仅属主可读",
    harmful="changes would go to the cluster that this admin.conf belongs to",
    fix="run pytest -m install --stages admin_conf",
)
def test_admin_conf(cluster: Cluster, control: Host, master: Host) -> None:
    """deploy/sshkey/admin.conf matches the master's, names this cluster's endpoint and is the operator's alone."""
    path = str(cluster.state.admin_conf)
    expect("mode of admin.conf", found=access_to(control, path), expected="600")
    ours, masters = public_parts(control, path), public_parts(master, membership.ADMIN_CONF)
    expect("CA in admin.conf", found=ours.ca_hash, expected=masters.ca_hash)
    expect("server in admin.conf", found=ours.server, expected=f"https://{kubeadm.endpoint(cluster)}")
    same = ours.client_certificate == masters.client_certificate
    expect_that(same, "client certificate in admin.conf", found="a different one", expected="the master's")


def registered(kube: Kubernetes, node: Node) -> Object:
    """The host's node. Mismatch where it is none."""
    return expect_among(node.name, nodes_by_name(kube), "nodes of the cluster")
