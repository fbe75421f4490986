"""Runbook 3.14: NodePorts from 30000 to 49999. A new control plane is created with them; an older one is changed."""

from __future__ import annotations

from checks.kubernetes import control_plane, node_ports
from dlws.engine.stage import stage
from dlws.engine.targets import master
from dlws.facts.files import text_of
from dlws.facts.node_ports import API_SERVER_PROCESS, CLIENT_PORTS, client_ports, reserved_ports
from dlws.kubernetes import kubeadm
from dlws.kubernetes.membership import API_SERVER, KUBECTL
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from install.s3_11_kubernetes import wait

SETTINGS = "/etc/sysctl.d/91-dlws-node-ports.conf"
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
    """Keep outgoing connections off the NodePorts: the kernel's range begins behind them, or leaves them out.

    Where the range begins within the NodePorts (Linux' own does), reserving them would do, but not well: Linux looks
    for a free port from a random one upwards, and so would mostly begin at the first one behind them. New connections
    would meet the flows that conntrack noted before kube-proxy's rules were there, and for two minutes lead nowhere.
    """
    first, last = client_ports(host)
    if first in kubeadm.NODE_PORT_RANGE and last > kubeadm.NODE_PORT_RANGE[-1]:
        setting = f"{CLIENT_PORTS} = {kubeadm.NODE_PORT_RANGE[-1] + 1} {last}\n"
    else:
        before = [f"{low}-{high}" for low, high in reserved_ports(host)]
        setting = f"net.ipv4.ip_local_reserved_ports = {','.join([*before, kubeadm.NODE_PORTS])}\n"
    change.write_file(SETTINGS, setting)
    change.run("sysctl -q -p %s", SETTINGS)
