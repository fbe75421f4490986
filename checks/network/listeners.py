"""N, X: what listens on a host, and whether it may."""

from __future__ import annotations

from checks.network import names, platform_ports
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, preflight
from dlws.facts.listeners import listening_sockets, outside_pods
from dlws.facts.unit_files import units_at_boot
from dlws.inventory import Node, Role
from dlws.kubernetes import kubeadm
from dlws.parse.network.sockets import Listener
from dlws.platform import services
from dlws.remote.host import Host
from dlws.verdict import Severity

KUBELET_PORTS = {10250: "kubelet"}
CONTROL_PORTS = {
    2379: "etcd",
    2380: "etcd",
    6443: "kube-apiserver",
    10251: "kube-scheduler",
    10259: "kube-scheduler",
    10252: "kube-controller",
    10257: "kube-controller",
}
"""kubeadm's ports, and the process, as the kernel cuts its name, that may hold each."""
ALLOWED = {
    *KUBELET_PORTS.values(),
    *CONTROL_PORTS.values(),
    "kube-proxy",
    "sshd",
    "systemd",
    "init",
    "rpcbind",
    "rpc.statd",
    "rpc.mountd",
    "ganesha.nfsd",
    "systemd-resolve",
    "systemd-network",
    "dhclient",
    "chronyd",
    "ntpd",
    "weaver",
}
"""Who may listen on all addresses: what the runbook installs, and what Ubuntu's network needs."""
TAKERS = {
    "caddy": (80,),
    "docker-registry": (5000,),
    "etcd": (2379, 2380),
    "grafana-server": (3000,),
    "k3s": (6443, 10250),
    "k3s-agent": (10250,),
    "lighttpd": (80,),
    "mariadb": (3306,),
    "mysql": (3306,),
    "nginx": (80,),
    "node_exporter": (9100,),
    "prometheus-node-exporter": (9100,),
    "prometheus-pushgateway": (9091,),
    "rke2-agent": (10250,),
    "rke2-server": (6443, 10250),
    "snap.microk8s.daemon-kubelet": (10250,),
    "snap.microk8s.daemon-kubelite": (10250,),
}
"""Services of packages, and of another Kubernetes, with the ports that they listen on as delivered."""
CLIENT_PORTS = 32768
"""The first port that the kernel gives to clients (net.ipv4.ip_local_port_range)."""


@preflight
@check(
    "N09",
    section="2.1",
    source="kubeadm Port",
    title_zh="Kubernetes 端口未被其他程序占用",
    fix="stop the process that ss -lntp names, or move it to another port",
)
def test_kubernetes_ports_are_kubernetes_own(node: Node, host: Host) -> None:
    """Only Kubernetes listens on the ports it needs: they are free before the install and its own afterwards."""
    owners = kubernetes_ports(node)
    held = [s for s in listening_sockets(host) if s.kind == "tcp" and s.port in owners]
    strange = [s for s in held if s.names != (owners[s.port],)]
    expect("Kubernetes ports held by other programs", found=distinct(strange), expected=[])


@preflight
@check(
    "N10",
    section="2.1",
    source="upstream params",
    title_zh="DLWS 服务端口仅由 Pod 监听",
    causes=[names.test_apache_is_off, platform_ports.test_host_ports],
    fix="stop the process that ss -lntp names, or move it to another port",
)
def test_product_ports_are_free(node: Node, cluster: Cluster, host: Host) -> None:
    """Only pods listen on the DLWS service ports."""
    ours = services.reserved_ports(cluster, node)
    held = [s for s in listening_sockets(host) if s.kind == "tcp" and s.port in ours]
    expect("DLWS service ports held outside pods", found=distinct(outside_pods(host, held)), expected=[])


@check(
    "N37",
    section="3.16",
    source="systemctl(1)",
    title_zh="重启后没有其他服务占用 Kubernetes 与 DLWS 的端口",
    causes=[
        names.test_apache_is_off,
        platform_ports.test_host_ports,
        test_kubernetes_ports_are_kubernetes_own,
        test_product_ports_are_free,
    ],
    fix="systemctl disable --now <service>, or remove its package",
)
def test_no_boot_takes_the_ports(node: Node, cluster: Cluster, host: Host) -> None:
    """No service that takes a port of Kubernetes or DLWS starts at boot: a web server, a database, another Kubernetes.

    Whatever comes first after a boot has the port. N26 judges apache2.
    """
    ours = services.reserved_ports(cluster, node) | kubernetes_ports(node)
    starting = units_at_boot(host, *(f"{name}.service" for name in TAKERS))
    ports = {name: [p for p in TAKERS[name.removesuffix(".service")] if p in ours] for name in starting}
    found = [f"{name} ({', '.join(map(str, taken))})" for name, taken in ports.items() if taken]
    expect("services that take ports at boot", found=found, expected=[])


@check(
    "X19",
    section="2.1",
    source="CIS practice",
    severity=Severity.WARNING,
    title_zh="对外监听的程序均在允许列表内",
    fix="stop what is not needed, or bind it to 127.0.0.1 or the private address",
)
def test_listeners_are_known(host: Host) -> None:
    """Only pods, the kernel, NodePorts and programs installed by the runbook listen on all addresses.

    A UDP socket on a port that the kernel gives to clients is no service: it waits for an answer.
    """
    open_ = [s for s in listening_sockets(host) if s.is_open and s.port not in kubeadm.NODE_PORT_RANGE]
    served = [s for s in open_ if s.kind == "tcp" or s.port < CLIENT_PORTS]
    strange = [s for s in outside_pods(host, served) if {*s.names} - ALLOWED]
    expect("unexpected listeners", found=distinct(strange), expected=[])


def kubernetes_ports(node: Node) -> dict[int, str]:
    """By port of a machine, the process of Kubernetes that may hold it."""
    return KUBELET_PORTS | (CONTROL_PORTS if node.role is Role.INFRASTRUCTURE else {})


def distinct(found: list[Listener]) -> list[str]:
    """Each once: a service listens by IPv4 and IPv6."""
    return sorted({str(one) for one in found})
