"""Runbook 3.14: NodePorts from 30000 to 49999. A new control plane is created with them; an older one is changed."""

from __future__ import annotations

from checks.kubernetes import control_plane, node_ports
from dlws.engine.stage import stage
from dlws.engine.targets import master
from dlws.facts.files import text_of
from dlws.facts.node_ports import API_SERVER_PROCESS, reserved_ports
from dlws.kubernetes import kubeadm
from dlws.kubernetes.membership import API_SERVER, KUBECTL
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from install.s3_11_kubernetes import wait

RESERVED = "/etc/sysctl.d/91-dlws-node-ports.conf"
BACKUP = "/etc/kubernetes/kube-apiserver.yaml.before-dlws"  # not in manifests/, where kubelet would run it
REPLACE = (
    "set -e; t=$(mktemp /etc/kubernetes/.dlws.XXXXXX); trap 'rm -f \"$t\"' EXIT;"
    ' trap "exit 143" TERM; cat >"$t"; sync "$t";'
    " test -e {backup} || cp -p {manifest} {backup};"
    ' chmod 600 "$t"; mv -f "$t" {manifest}; trap - EXIT'
)


@stage(
    section="3.14",
    on=master,
    after="kube_init",
    proves=[node_ports.test_node_port_range, control_plane.test_node_ports_in_force],
)
def test_node_ports(host: Host, change: Change) -> None:
    """Set the API server's NodePort range and wait until the kubelet has restarted it."""
    manifest = text_of(host, API_SERVER)
    if manifest is None:
        return  # in a plan: kubeadm init will set it
    edited = kubeadm.with_node_ports(manifest + "\n")
    command = REPLACE.format(manifest=API_SERVER, backup=BACKUP)
    change.run(command, stdin=edited.encode(), text=f"edit {API_SERVER}: --{kubeadm.NODE_PORTS_FLAG}")
    running = f"{API_SERVER_PROCESS} | grep -qF -e --{kubeadm.NODE_PORTS_FLAG}={kubeadm.NODE_PORTS}"
    wait(host, change, f"{running} && {KUBECTL} get --raw /readyz", "the API server to restart", "docker ps -a")


@stage(
    section="3.14",
    on=master,
    after=["node_ports", "admin_conf"],
    proves=[control_plane.test_node_ports_of_kubeadm],
)
def test_node_ports_kept(host: Host, kube: Kubernetes, change: Change) -> None:
    """Record the NodePort range in kubeadm-config, from which an upgrade rewrites the manifest."""
    if text_of(host, API_SERVER) is None:
        return  # in a plan: kubeadm init will set it
    stored = kube.get("configmaps", "kubeadm-config", namespace="kube-system") or {"data": {"ClusterConfiguration": ""}}
    kept = kubeadm.with_node_ports_kept(stored["data"]["ClusterConfiguration"])
    text = f"patch kubeadm-config: {kubeadm.NODE_PORTS_FLAG}={kubeadm.NODE_PORTS}"
    patch = {"data": {"ClusterConfiguration": kept}}
    change.patch("configmaps", "kubeadm-config", patch, namespace="kube-system", text=text)


@stage(section="3.14", after="kernel", proves=[node_ports.test_node_ports_are_not_ephemeral])
def test_node_ports_reserved(host: Host, change: Change) -> None:
    """Reserve the NodePorts against outgoing connections, keeping existing reservations."""
    reserved = [f"{first}-{last}" for first, last in reserved_ports(host)]
    ports = ",".join([*reserved, kubeadm.NODE_PORTS])
    change.write_file(RESERVED, f"net.ipv4.ip_local_reserved_ports = {ports}\n")
    change.run("sysctl -q -p %s", RESERVED)
