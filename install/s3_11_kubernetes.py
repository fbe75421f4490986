"""Runbook 3.11: the cluster. `kubeadm init` and `kubeadm join` are run once; nothing here ever resets a host.

kubeadm reads its configuration, including a join's token, from stdin; its output stays in a log on the host.
"""

from __future__ import annotations

from checks.host import swap
from checks.kubernetes import control_plane, kube_host, membership, nodes
from dlws.config.cluster import Cluster
from dlws.engine.check import expect, expect_that, goal
from dlws.engine.stage import stage
from dlws.engine.targets import control_host, master, pod_network_master, whole_cluster, workers
from dlws.facts.credentials import ROOT_CONFIG
from dlws.facts.docker import docker_of
from dlws.facts.files import text_of
from dlws.facts.kube_host import HEALTHZ, membership_of, pod_network_manifest, running_kubeadm
from dlws.facts.nodes import labels_of, master_taints, nodes_by_name
from dlws.facts.swap import enabled_swap_units, loaded_swap_units
from dlws.inventory import Node
from dlws.kubernetes import admin_conf, kubeadm, labels
from dlws.kubernetes.apply_plan import FIELD_MANAGER
from dlws.kubernetes.kubeadm import LOG
from dlws.kubernetes.membership import ADMIN_CONF, CA, KUBECTL, KUBELET_CONF, Part, ca_hash
from dlws.kubernetes.objects import Object
from dlws.parse.storage import fstab
from dlws.parse.versions import kubernetes as version_of
from dlws.record.answer import ApiUnreachable
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

KUBELET_JOURNAL = "journalctl -u kubelet -q --no-pager -o cat -n 200"
KUBEADM_DEADLINE = 20 * 60.0  # seconds; kubeadm itself gives up on init after 4 minutes, on join after 5
READY = 300  # seconds for pods that the kubelet starts: of the pod network, or the API server after a boot


@stage(section="3.11", after="admin_user", proves=[swap.test_swap_is_off, swap.test_swap_stays_off])
def test_swap_off(host: Host, change: Change) -> None:
    """Turn swap off, now and at boot: the kubelet refuses to start with swap on."""
    change.run("swapoff -a")
    change.edit_file("/etc/fstab", fstab.comment_out_swap)
    change.run("systemctl daemon-reload")  # drops the units generated from those lines
    for unit in enabled_swap_units(host):
        change.run("systemctl disable %s", unit)
    for unit in loaded_swap_units(host, host.read("cat /etc/fstab")):
        change.run("systemctl mask %s", unit)


@goal(
    "C20",
    section="3.11",
    source="kubeadm init",
    on=master,
    title_zh="主节点上 API Server 应答",
    fix="on the master: journalctl -u kubelet; docker ps -a | grep kube-apiserver; docker logs",
)
def test_api_server_answers(host: Host) -> None:
    """The API server reports itself ready on the master, as the control host has no credentials yet."""
    found = membership_of(host)
    expect_that(found.part is Part.MASTER, "Kubernetes files", found=found.said, expected="a complete control plane")
    answer = host.run_expect([0, 1], f"{KUBECTL} --request-timeout=10s get --raw /readyz")
    expect("readyz", found=answer.stdout.strip() or answer.stderr.strip()[-200:], expected="ok")


@stage(
    section="3.11",
    after=[
        "reboot",
        "swap_off",
        "hostname",
        "names",
        "search_domain",
        "kernel",
        "kube_images",
        "default_runtime",
        "requirements",
    ],
    proves=[kube_host.test_kubeadm_is_not_running, kube_host.test_kubernetes_is_whole],
)
def test_kube_settled(host: Host, change: Change) -> None:
    """Wait for a kubeadm of an earlier run to finish; an incomplete installation is reported, never reset."""
    if running_kubeadm(host):
        waiting = "while pgrep -x kubeadm >/dev/null; do sleep 1; done"
        change.run(waiting, deadline=KUBEADM_DEADLINE, text="wait for the running kubeadm to finish")


@stage(
    section="3.11",
    on=master,
    after="kube_settled",
    proves=[
        test_api_server_answers,
        kube_host.test_kubelet_is_healthy,
        kube_host.test_cgroup_drivers_agree,
        kube_host.test_pods_get_usable_name_servers,
    ],
)
def test_kube_init(cluster: Cluster, host: Host, change: Change) -> None:
    """Create the control plane if there is none; an existing one is given time to answer, never recreated."""
    state = membership_of(host)
    if state.part is Part.NONE:
        settings = {"cgroup_driver": docker_of(host).cgroup_driver, "resolv_conf_path": name_servers_for_pods(host)}
        config = kubeadm.init_config(cluster, **settings)
        text = f"kubeadm init {cluster.kubernetes_version} at {kubeadm.endpoint(cluster)}"
        run_kubeadm(host, change, "init --skip-token-print", config, text)
    elif state.part is not Part.MASTER:
        raise ChangeFailed(f"{host.name}: kubeadm init was not run: {state.said}")
    wait(
        host,
        change,
        f"{KUBECTL} get --raw /readyz && {HEALTHZ}",
        "API server and kubelet to be ready",
        f"before the wait: {state.said}; see journalctl -u kubelet, docker ps -a | grep kube-apiserver",
    )


@stage(section="3.11", on=control_host, after="kube_init[*]", proves=[membership.test_admin_conf])
def test_admin_conf(cluster: Cluster, change: Change, on_master: Change) -> None:
    """Store the cluster's credentials on the control host, for the suite and for deploy.py."""
    path = str(cluster.state.admin_conf)
    if on_master.host.run("test -e %s", ADMIN_CONF).rc != 0:
        change.run("exit 1", text=f"write {path}: the admin.conf that kubeadm init will create")
        return
    change.make_directory(str(cluster.state.admin_conf.parent), mode="0700")
    masters = on_master.host.read_secret("cat %s", ADMIN_CONF)
    change.write_file(path, admin_conf.rewritten(masters), mode="0600")


@stage(section="3.11", on=master, after="kube_init", proves=[membership.test_root_has_a_kubeconfig])
def test_root_kubeconfig(change: Change) -> None:
    """Give root on the master the cluster's kubeconfig."""
    change.make_directory("/root/.kube", mode="0700")
    change.run("install -m 600 -o root -g root %s %s", ADMIN_CONF, ROOT_CONFIG)


@stage(
    section="3.11",
    on=pod_network_master,
    after=["kube_init", "admin_conf"],
    proves=[membership.test_pod_network_is_applied],
)
def test_pod_network(cluster: Cluster, change: Change) -> None:
    """Apply the manifest of the configured pod network."""
    manifest = pod_network_manifest(cluster)
    apply = f"{KUBECTL} apply --server-side --force-conflicts --field-manager={FIELD_MANAGER} -f -"
    change.run(apply, stdin=manifest.encode(), text=f"kubectl apply {cluster.suite.kubernetes.cni_manifest}")


@stage(
    section="3.11",
    on=workers,
    after=["kube_settled", "kube_init[*]", "admin_conf"],
    proves=[
        membership.test_host_trusts_this_cluster,
        nodes.test_host_is_a_node,
        kube_host.test_kubelet_is_healthy,
        kube_host.test_cgroup_drivers_agree,
        kube_host.test_pods_get_usable_name_servers,
    ],
)
def test_kube_join(node: Node, cluster: Cluster, host: Host, change: Change, on_master: Change) -> None:
    """Join the cluster with a token created for this join; a node of another cluster is left as it is."""
    state, ours = membership_of(host), hash_of_ca(on_master.host)
    if state.part is Part.NONE:
        host.connection.withhold(token := kubeadm.new_token())  # kubeadm may repeat it in what it complains of
        create = f"kubeadm token create --kubeconfig {ADMIN_CONF} --config /dev/stdin >/dev/null"
        text = f"kubeadm token create (for one join, {kubeadm.TOKEN_SECONDS // 60} minutes)"
        on_master.run(create, stdin=kubeadm.token_config(cluster, token).encode(), text=text)
        servers = name_servers_for_pods(host)
        config = kubeadm.join_config(cluster, node, token=token, ca_hash=ours, resolv_conf_path=servers)
        run_kubeadm(host, change, "join", config, f"kubeadm join {kubeadm.endpoint(cluster)}")
    elif state.part is not Part.WORKER or hash_of_ca(host) != ours:
        raise ChangeFailed(
            f"{host.name}: kubeadm join was not run: {state.said}, its CA is {hash_of_ca(host)}, this cluster's {ours}"
        )
    else:
        change.run("systemctl restart kubelet", text="restart the kubelet so that it registers the node again")
    registered = f"kubectl --kubeconfig {KUBELET_CONF} get node {node.name} && {HEALTHZ}"
    wait(host, change, registered, "the node to be registered", "journalctl -u kubelet")


@stage(
    section="3.11",
    after=["kube_join", "kube_init", "admin_conf", "storage_links?", "nginx_files?"],
    proves=[membership.test_labels_that_select, membership.test_other_labels],
)
def test_labels(node: Node, cluster: Cluster, kube: Kubernetes, change: Change) -> None:
    """Label the node as upstream's labelservice and labelworker do, and remove misplaced labels.

    Jobs and services of a running cluster start at once, so what they mount must exist before Docker creates it.
    """
    current = current_labels(node, kube)
    planned = labels.for_node(cluster, node)
    missing: dict[str, str | None] = {key: planned[key] for key in planned if current.get(key) != planned[key]}
    wrong = labels.misplaced(cluster, node, current)
    text = f"label node {node.name}: {len(missing)} labels set, {len(wrong)} removed"
    change.patch("nodes", node.name, {"metadata": {"labels": {**missing, **dict.fromkeys(wrong)}}}, text=text)


@stage(
    section="3.11",
    on=master,
    after=["kube_init", "admin_conf"],
    proves=[membership.test_master_takes_jobs_as_configured],
)
def test_master_taint(node: Node, cluster: Cluster, kube: Kubernetes, change: Change) -> None:
    """Allow jobs on the master or keep them off it, as configured."""
    own = labels.MASTER_TAINTS[0 if version_of(cluster.kubernetes_version).numbers < (1, 24) else 1]
    if not cluster.suite.kubernetes.master_as_worker:
        change.run(f"{KUBECTL} taint node %s %s", node.name, f"{own}=:NoSchedule")
        return
    for key in current_taints(node, kube) or [own]:
        change.run(f"{KUBECTL} taint node %s %s", node.name, f"{key}:NoSchedule-")


@stage(section="3.11", after=["kube_join", "kube_init", "pod_network[*]"], proves=[nodes.test_node_is_ready])
def test_node_ready(node: Node, cluster: Cluster, on_master: Change) -> None:
    """Wait until the node and its kube-proxy are ready."""
    seconds = READY if cluster.cni_manifest else 20  # without a pod network it will not become ready by itself
    ready = f"{KUBECTL} wait --for=condition=Ready node/{node.name} --timeout={seconds}s"
    on_master.run(ready, deadline=seconds + 30.0, text=f"wait for node {node.name} to be Ready")
    wait_for_pods(
        on_master,
        f"--field-selector spec.nodeName={node.name} -l k8s-app=kube-proxy",
        seconds,
        f"wait for kube-proxy on {node.name}",
    )


@stage(section="3.11", on=whole_cluster, after="node_ready", proves=[control_plane.test_control_plane_pods_are_ready])
def test_control_plane_ready(cluster: Cluster, on_master: Change) -> None:
    """Wait until the API reports the control plane's own pods as ready; the kubelet checks them once a minute.

    They work long before that, and no other stage waits for this one.
    """
    master = cluster.master.name
    pods = f"--field-selector spec.nodeName={master} -l tier=control-plane"
    wait_for_pods(on_master, pods, READY, f"wait for the control plane's pods on {master}")


def wait_for_pods(on_master: Change, which: str, seconds: int, text: str) -> None:
    """Wait until such kube-system pods exist and all are ready. Raises ChangeFailed after this many seconds."""
    pods = f"{KUBECTL} -n kube-system wait pod {which} --for=condition=Ready"
    once = f"timeout {seconds} sh -c 'until {pods} --timeout={seconds}s; do sleep 1; done'"
    on_master.run(once, deadline=seconds + 30.0, text=text)


def run_kubeadm(host: Host, change: Change, words: str, config: str, text: str) -> None:
    """Run kubeadm with a configuration on stdin. Raises ChangeFailed with kubeadm's errors, preflight errors first."""
    command = f"umask 077; kubeadm {words} --config /dev/stdin >{LOG} 2>&1"
    try:
        change.run(command, stdin=config.encode(), deadline=KUBEADM_DEADLINE, text=text)
    except ChangeFailed:
        complaint = kubeadm.complaint(text_of(host, LOG) or "")
        if kubeadm.is_about_kubelet(complaint):
            why = kubeadm.kubelet_complaint(host.run_expect(range(256), KUBELET_JOURNAL).stdout)
            complaint = " | ".join(filter(None, [why, complaint]))
        raise ChangeFailed(f"{host.name}: {text}: {complaint} (full log: {LOG} on {host.name})") from None


def wait(host: Host, change: Change, holds: str, what: str, hint: str) -> None:
    """Wait on the host until a command succeeds. Raises ChangeFailed with a hint after five minutes."""
    try:
        loop = f"timeout {READY} sh -c 'until {holds} >/dev/null 2>&1; do sleep 1; done'"
        change.run(loop, deadline=READY + 30.0, text=f"wait for {what}")
    except ChangeFailed:
        raise ChangeFailed(f"{host.name}: waited {READY} s for {what}; {hint}") from None


def name_servers_for_pods(host: Host) -> str:
    """The path of the resolv.conf for pods on the host. Raises Unknown if none is usable in a pod."""
    texts = {path: text for path in kubeadm.RESOLV_CONFS if (text := text_of(host, path)) is not None}
    return kubeadm.resolv_conf_for_pods(texts)


def hash_of_ca(host: Host) -> str:
    """The hash of the CA on a host; `not there` if it has none yet (in a plan)."""
    text = text_of(host, CA)
    return ca_hash(text) if text else "not there"


def current_labels(node: Node, kube: Kubernetes) -> dict[str, str]:
    """The labels of the node; empty if it has not joined yet (in a plan)."""
    registered = registered_node(node, kube)
    return labels_of(registered) if registered else {}


def current_taints(node: Node, kube: Kubernetes) -> list[str]:
    """The taints that keep jobs off the master; empty if it is not a node yet (in a plan)."""
    registered = registered_node(node, kube)
    return master_taints(registered) if registered else []


def registered_node(node: Node, kube: Kubernetes) -> Object | None:
    """The node object of a host; None if it has not joined, or there is no API server yet (in a plan)."""
    try:
        return nodes_by_name(kube).get(node.name)
    except ApiUnreachable:
        return None
