"""NodePorts on a host: the range that the API server runs with, and the kernel's port ranges."""

from __future__ import annotations

import re

from dlws.kubernetes import kubeadm
from dlws.parse.text import unparsable
from dlws.remote.host import Host

CLIENT_PORTS = "net.ipv4.ip_local_port_range"
API_SERVER_PROCESS = "pgrep -ax kube-apiserver"


def running_node_ports(host: Host) -> list[str]:
    """The NodePort range of each kube-apiserver that runs on the host: `["30000-49999"]`; none where none runs."""
    processes = [line.split()[1:] for line in host.run_expect([0, 1], API_SERVER_PROCESS).stdout.splitlines()]
    return [kubeadm.node_ports_of(words) for words in processes]


def client_ports(host: Host) -> tuple[int, int]:
    """The first and the last port that the kernel gives to outgoing connections: `(32768, 60999)`."""
    shown = str(host.sysctl(CLIENT_PORTS))
    found = re.fullmatch(r"([0-9]{1,5})\s+([0-9]{1,5})", shown)
    if found is None:
        raise unparsable(CLIENT_PORTS, shown)
    return int(found[1]), int(found[2])


def reserved_ports(host: Host) -> list[tuple[int, int]]:
    """The port ranges that the kernel gives to nobody who does not ask for one by number."""
    text = host.read("cat /proc/sys/net/ipv4/ip_local_reserved_ports").strip()
    ranges = [part.partition("-") for part in text.split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in ranges]
