"""Accelerators of a host, by its driver and by Kubernetes."""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.facts.ascend import required_npu_cards
from dlws.facts.nodes import nodes_by_name
from dlws.facts.nvidia import answer_of
from dlws.inventory import Device, Node
from dlws.kubernetes import device_plugins
from dlws.kubernetes.device_plugins import NAMESPACE, SOCKETS, Plugin
from dlws.kubernetes.objects import Object
from dlws.parse.accelerators import nvidia_smi
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Unknown

KNOCK = (
    "timeout -k 1 10 python3 -c 'import os, socket, stat\n"
    f'for name in sorted(os.listdir("{SOCKETS}")):\n'
    f'    path = "{SOCKETS}/" + name\n'
    "    if stat.S_ISSOCK(os.lstat(path).st_mode):\n"
    "        door = socket.socket(socket.AF_UNIX)\n"
    "        door.settimeout(2)\n"
    "        print(door.connect_ex(path), name)'"
)
"""Connects to each socket and prints `0 NAME` where somebody listens. The plugin's is in its pod's network namespace,
so the kernel's table (/proc/net/unix) of the host does not have it."""


def live_sockets(host: Host) -> list[str]:
    """The sockets of device plugins and of the kubelet that are listened on: `["kubelet.sock", "nvidia.sock"]`."""
    rows = [re.fullmatch(r"([0-9]+) (\S+)", line) for line in host.lines(KNOCK)]
    if None in rows:
        raise unparsable("sockets of the device plugins", why="listing not understood")
    return [row[2] for row in rows if row and row[1] == "0"]


def driver_device_count(node: Node, host: Host) -> int:
    """How many accelerators the host's driver sees, as Kubernetes counts them: GPUs, or the chips of NPU cards.

    Unknown where it sees none.
    """
    if node.device is Device.NPU:
        return sum(required_npu_cards(host).values())
    if not (found := nvidia_smi.listed(answer_of(host, "nvidia-smi -L"))):
        raise Unknown("nvidia-smi: no devices were found")
    return len(found)


def plugin_pods(plugin: Plugin, node: Node, kube: Kubernetes) -> list[str]:
    """Of each of a device plugin's pods on a host `ready`, or what is the matter with it."""
    key, value = plugin.label
    pods = [pod for pod in kube.list("pods").on(node.name) if pod["metadata"].get("namespace") == NAMESPACE]
    return [pod_state(pod) for pod in pods if (pod["metadata"].get("labels") or {}).get(key) == value]


def pod_state(pod: Object) -> str:
    """`ready`, or what is the matter with a pod: a container's reason for waiting, else the pod's phase."""
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or []
    waiting = [(c.get("state") or {}).get("waiting", {}).get("reason") for c in containers]
    if reasons := [reason for reason in waiting if reason]:
        return str(reasons[0])
    ready = status.get("phase") == "Running" and containers and all(c.get("ready") for c in containers)
    return "ready" if ready else f"{status.get('phase', 'unknown')}, not ready"


def devices_for_jobs(cluster: Cluster, node: Node, kube: Kubernetes) -> int:
    """How many devices a job may ask of a host for all of it: as configured, or the chips that Kubernetes offers.

    The cards of an A3 have two chips each. GPUs are as many as configured: one that is shared is offered several times.
    """
    resource = device_plugins.for_node(cluster, node).resource
    offered = offered_devices(nodes_by_name(kube).get(node.name), resource)[1]
    return max(node.device_count, offered) if node.device is Device.NPU else node.device_count


def offered_devices(found: Object | None, resource: str) -> tuple[int, int]:
    """How many devices a node has by Kubernetes' count, and how many of them may be given to pods; 0 for no node."""
    status = (found or {}).get("status", {})
    counts = [str((status.get(key) or {}).get(resource, "0")) for key in ("capacity", "allocatable")]
    if not all(count.isdecimal() for count in counts):
        raise unparsable(f"{resource} of a node", counts[0])
    return int(counts[0]), int(counts[1])
