"""C, N: the NodePort range of the runbook (3.14): in force, kept for an upgrade, and answered as told."""

from __future__ import annotations

import json
from typing import Any

import yaml

from checks.files import text_of
from checks.membership import KUBECTL
from cluster import kubeadm, membership
from cluster.parse.text import unparsable
from cluster.verdict import Severity
from fixtures.check import check, expect, expect_that
from fixtures.targets import master
from remote.host import Host

PROCESS = "pgrep -ax kube-apiserver"
KUBEADM_CONFIG = f"{KUBECTL} -n kube-system get configmap kubeadm-config -o json"
TRY_PORT = f"printf %%s %s | {KUBECTL} create --dry-run=server -o name -f -"
OUT_OF_RANGE = "provided port is not in the valid range"
INSIDE, OUTSIDE = 49999, 50000


@check("C07", section="3.14", source="runbook 3.14", on=master, title_zh="API server 的 NodePort 端口段为 30000-49999",
       fix="-m install --stages node_ports")  # fmt: skip
def test_node_port_range(host: Host) -> None:
    """The running API server and its manifest have the runbook's NodePort range."""
    processes = [line.split()[1:] for line in host.run_expect([0, 1], PROCESS).stdout.splitlines()]
    running = [kubeadm.node_ports_of(words) for words in processes]
    expect(
        "NodePort range of the running kube-apiserver", found=running or "not running", expected=[kubeadm.NODE_PORTS]
    )
    manifest = text_of(host, membership.API_SERVER)
    expect_that(manifest is not None, membership.API_SERVER, found="no file", expected="the API server's manifest")
    written = kubeadm.node_ports_of(kubeadm.api_server_command(manifest or ""))
    expect(f"NodePort range in {membership.API_SERVER}", found=written, expected=kubeadm.NODE_PORTS)


@check("C22", section="3.14", source="kubeadm upgrade", on=master, title_zh="kubeadm-config 中保留了 NodePort 端口段",
       fix="-m install --stages node_ports_kept")  # fmt: skip
def test_node_port_range_is_kept(host: Host) -> None:
    """kubeadm-config records the NodePort range: `kubeadm upgrade` would lose it otherwise."""
    found = kubeadm.kept_node_ports(cluster_configuration(host))
    expect("NodePort range in kubeadm-config", found=found, expected=kubeadm.NODE_PORTS)


@check("C23", section="3.14", source="runbook 3.14", on=master, title_zh="NodePort 49999 可用、50000 被拒绝",
       fix="-m install --stages node_ports")  # fmt: skip
def test_node_ports_are_judged_by_the_range(host: Host) -> None:
    """The API server would accept a service on port 49999 and refuse one on 50000; nothing is created."""
    expect(f"port {INSIDE}", found=trial(host, INSIDE), expected="accepted")
    expect(f"port {OUTSIDE}", found=trial(host, OUTSIDE), expected="out of range")


@check("N14", section="3.14", source="kernel ip-sysctl", severity=Severity.WARNING,
       title_zh="NodePort 端口段与本机临时端口不冲突", fix="-m install --stages node_ports_reserved")  # fmt: skip
def test_node_ports_are_not_ephemeral(host: Host) -> None:
    """No outgoing connection takes a NodePort: the ranges are apart, or the NodePorts are reserved."""
    low, high = map(int, kubeadm.NODE_PORTS.split("-"))
    first, last = map(int, host.read("cat /proc/sys/net/ipv4/ip_local_port_range").split())
    reserved = any(a <= low and high <= b for a, b in reserved_ports(host))
    expect_that(
        reserved or last < low or high < first,
        "ports of outgoing connections",
        found=f"{first}-{last}",
        expected=f"none of {low}-{high}",
    )


def cluster_configuration(host: Host) -> str:
    """The ClusterConfiguration that kubeadm keeps in the cluster."""
    try:
        return str(json.loads(host.read(KUBEADM_CONFIG))["data"]["ClusterConfiguration"])
    except (ValueError, KeyError, TypeError) as error:
        raise unparsable("configmap kubeadm-config", str(error)) from error


def reserved_ports(host: Host) -> list[tuple[int, int]]:
    """The port ranges that the kernel gives to nobody who does not ask for one by number."""
    text = host.read("cat /proc/sys/net/ipv4/ip_local_reserved_ports").strip()
    ranges = [part.partition("-") for part in text.split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in ranges]


def trial(host: Host, port: int) -> str:
    """What the API server says to a service on a port: `accepted`, `out of range`, or that it is taken."""
    answer = host.run_expect([0, 1], TRY_PORT, yaml.safe_dump(service(port)))
    if answer.rc == 0:
        return "accepted"
    if OUT_OF_RANGE in answer.stderr:
        return "out of range"
    if "already allocated" in answer.stderr:
        return "accepted"  # by another service, which is proof enough
    raise host.no_answer(answer)


def service(port: int) -> dict[str, Any]:
    """A NodePort service that leads nowhere."""
    ports = [{"port": 80, "nodePort": port}]
    meta = {"name": f"dlws-suite-probe-{port}", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"type": "NodePort", "ports": ports}}
