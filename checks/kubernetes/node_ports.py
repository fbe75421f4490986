"""C, N: the NodePort range of the runbook (3.14) on the hosts; C16 and C17 say what the cluster has noted of it."""

from __future__ import annotations

from dlws.engine.check import check, expect, expect_present, expect_that
from dlws.engine.targets import master
from dlws.facts.files import text_of
from dlws.facts.node_ports import client_ports, ports_at_boot, reserved_ports, running_node_ports
from dlws.kubernetes import kubeadm, membership
from dlws.remote.host import Host
from dlws.verdict import Severity


@check(
    "C07",
    section="3.14",
    source="runbook 3.14",
    on=master,
    title_zh="API Server 的 NodePort 端口段为 30000-49999",
    fix="run pytest -m install --stages node_ports",
)
def test_node_port_range(host: Host) -> None:
    """The running API server and its manifest use the runbook's NodePort range."""
    wrong = [
        ports for ports in running_node_ports(host) if ports != kubeadm.NODE_PORTS
    ]  # one that does not run is C01's finding
    expect("unexpected NodePort ranges of the running kube-apiserver", found=wrong, expected=[])
    path = membership.API_SERVER
    manifest = expect_present(text_of(host, path), path, found="no file", expected="the API server's manifest")
    written = kubeadm.node_ports_of(kubeadm.api_server_command(manifest))
    expect(f"NodePort range in {path}", found=written, expected=kubeadm.NODE_PORTS)


@check(
    "N14",
    section="3.14",
    source="kernel ip-sysctl",
    severity=Severity.WARNING,
    title_zh="NodePort 端口段与本机临时端口不冲突",
    fix="run pytest -m install --stages node_ports_reserved",
)
def test_node_ports_are_not_ephemeral(host: Host) -> None:
    """Outgoing connections cannot take a NodePort, now or after a boot: the ranges do not overlap, or are reserved."""
    low, high = map(int, kubeadm.NODE_PORTS.split("-"))
    now = client_ports(host), reserved_ports(host)
    for when, ((first, last), kept) in {"": now, " at boot": ports_at_boot(host)}.items():
        shared = range(max(first, low), min(last, high) + 1)
        reserved = {port for a, b in kept for port in range(max(a, low), min(b, high) + 1)}
        expect_that(
            reserved.issuperset(shared),
            f"client port range{when}",
            found=f"{first}-{last}",
            expected=f"no overlap with {low}-{high}",
        )
