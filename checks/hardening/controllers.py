"""X: the ports of the controller manager and the scheduler."""

from __future__ import annotations

from checks.kubernetes import control_plane
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_present
from dlws.engine.targets import master
from dlws.facts.control_plane import component_flags
from dlws.parse.versions import kubernetes as release
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import NotApplicable, Severity

PLAIN_PORT_GONE = {"kube-controller-manager": release("v1.20.0"), "kube-scheduler": release("v1.23.0")}
"""The first versions without the port 10252, or 10251, that has no TLS and is open without --port=0, which kubeadm sets
from 1.18.6 on (kubernetes/kubeadm#2202, kubernetes/kubernetes#92720)."""
OF_THE_HOST = ("127.0.0.1", "::1")


@check(
    "X29",
    section="3.11",
    source="kubernetes/kubeadm#2202",
    on=master,
    severity=Severity.WARNING,
    title_zh="controller-manager 与 scheduler 不对外开放无 TLS 的端口",
    deviation="kubeadm up to 1.18.5, so that of the runbook's 1.18.0, opens them",
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="set --port=0 in their manifests; kubectl get componentstatuses no longer reaches them then",
)
def test_controllers_have_no_port_without_tls(cluster: Cluster, kube: Kubernetes) -> None:
    """The controller manager and the scheduler answer nobody but the host without TLS, on port 10252 and 10251."""
    version = release(cluster.kubernetes_version)
    old = [name for name, gone in PLAIN_PORT_GONE.items() if version < gone]
    if not old:
        raise NotApplicable(f"Kubernetes {cluster.kubernetes_version} has no such ports")
    flags = {name: expect_present(component_flags(cluster, kube, name), f"pods of {name}") for name in old}
    found = {name: each.get("address", "0.0.0.0") for name, each in flags.items() if each.get("port") != "0"}
    wrong = [f"{name}: {address}" for name, address in found.items() if address not in OF_THE_HOST]
    expect("ports without TLS", found=wrong, expected=[])
