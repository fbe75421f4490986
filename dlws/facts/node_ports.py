"""NodePorts on a host: the range that the API server runs with, and the kernel's port ranges."""

from __future__ import annotations

import re

from dlws.facts.kernel import written_settings
from dlws.kubernetes import kubeadm
from dlws.parse.text import unparsable
from dlws.remote.host import Host

CLIENT_PORTS = "net.ipv4.ip_local_port_range"
RESERVED = "net.ipv4.ip_local_reserved_ports"
DEFAULT = "32768 60999"
"""The kernel's own range (ip-sysctl)."""
API_SERVER_PROCESS = "pgrep -ax kube-apiserver"


def running_node_ports(host: Host) -> list[str]:
    """The NodePort range of each kube-apiserver that runs on the host: `["30000-49999"]`; none where none runs."""
    processes = [line.split()[1:] for line in host.run_expect([0, 1], API_SERVER_PROCESS).stdout.splitlines()]
    return [kubeadm.node_ports_of(words) for words in processes]


def client_ports(host: Host) -> tuple[int, int]:
    """The first and the last port that the kernel gives to outgoing connections: `(32768, 60999)`."""
    return _range(str(host.sysctl(CLIENT_PORTS)))


def reserved_ports(host: Host) -> list[tuple[int, int]]:
    """The port ranges that the kernel gives to nobody who does not ask for one by number."""
    return _ranges(host.read("cat /proc/sys/net/ipv4/ip_local_reserved_ports"))


def ports_at_boot(host: Host) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """Both as the next boot has them, by sysctl.d(5) and the kernel's own values."""
    written = written_settings(host)
    return _range(written.get(CLIENT_PORTS, DEFAULT)), _ranges(written.get(RESERVED, ""))


def _range(shown: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,5})\s+([0-9]{1,5})", shown)
    if found is None:
        raise unparsable(CLIENT_PORTS, shown)
    return int(found[1]), int(found[2])


def _ranges(text: str) -> list[tuple[int, int]]:
    if not re.fullmatch(r"(?:[0-9]{1,5}(?:-[0-9]{1,5})?(?:,|$))*", text.strip()):
        raise unparsable(RESERVED, text)
    ranges = [part.partition("-") for part in text.strip().split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in ranges]
