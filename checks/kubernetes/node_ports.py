"""C, N: the NodePort range of the runbook (3.14) on the hosts; C16 and C17 say what the cluster has noted of it."""

from __future__ import annotations

from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import master
from dlws.facts.files import text_of
from dlws.kubernetes import kubeadm, membership
from dlws.remote.host import Host
from dlws.verdict import Severity

PROCESS = "pgrep -ax kube-apiserver"


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
    processes = [line.split()[1:] for line in host.run_expect([0, 1], PROCESS).stdout.splitlines()]
    running = [kubeadm.node_ports_of(words) for words in processes]
    wrong = [ports for ports in running if ports != kubeadm.NODE_PORTS]  # one that does not run is C01's finding
    expect("unexpected NodePort ranges of the running kube-apiserver", found=wrong, expected=[])
    manifest = text_of(host, membership.API_SERVER)
    expect_that(manifest is not None, membership.API_SERVER, found="no file", expected="the API server's manifest")
    written = kubeadm.node_ports_of(kubeadm.api_server_command(manifest or ""))
    expect(f"NodePort range in {membership.API_SERVER}", found=written, expected=kubeadm.NODE_PORTS)


@check(
    "N14",
    section="3.14",
    source="kernel ip-sysctl",
    severity=Severity.WARNING,
    title_zh="NodePort 端口段与本机临时端口不冲突",
    fix="run pytest -m install --stages node_ports_reserved",
)
def test_node_ports_are_not_ephemeral(host: Host) -> None:
    """Outgoing connections cannot take a NodePort: the port ranges do not overlap, or NodePorts are reserved."""
    low, high = kubeadm.NODE_PORT_RANGE[0], kubeadm.NODE_PORT_RANGE[-1]
    first, last = map(int, host.read("cat /proc/sys/net/ipv4/ip_local_port_range").split())
    apart = last < low or high < first or any(a <= low and high <= b for a, b in reserved_ports(host))
    expect_that(apart, "client port range", found=f"{first}-{last}", expected=f"no overlap with {low}-{high}")


def reserved_ports(host: Host) -> list[tuple[int, int]]:
    """The port ranges that the kernel gives to nobody who does not ask for one by number."""
    text = host.read("cat /proc/sys/net/ipv4/ip_local_reserved_ports").strip()
    ranges = [part.partition("-") for part in text.split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in ranges]
