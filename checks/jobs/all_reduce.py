"""W, active: what a job on several hosts needs first: two hosts that add up, over all their accelerators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from checks.jobs import pods
from checks.kubernetes import nodes
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect, expect_that
from dlws.engine.targets import first_device_host_of_each_kind
from dlws.facts.probes.all_reduce import SCRIPT
from dlws.facts.probes.pods import APP, ended, pod
from dlws.inventory import Device, Node
from dlws.kubernetes import device_plugins, pod_trouble
from dlws.kubernetes.objects import Object
from dlws.parse.accelerators import all_reduce
from dlws.remote.host import Host
from dlws.verdict import NotApplicable

PORT = 29512
"""Where rank 0 listens, on its host's address: outside the NodePorts (30000 on) and HCCL's own (60000 to 60015)."""
SIZE = 256 << 20
"""Bytes that each rank has: enough that a time is bandwidth, and over links of 1 Gb/s still done in two minutes."""
JOIN = 180
"""Seconds for all ranks to come, and for each step that they take together. HCCL takes no less than 120."""
END = 420
"""Seconds for a host's ranks to come to their end."""
LIFE = 600
"""Seconds that Kubernetes lets a pod live, which is END and the time for its image to be pulled."""
BACKENDS = {Device.GPU: "nccl", Device.NPU: "hccl"}
DRIVER = {"driver": ("/usr/local/Ascend/driver", "Directory"), "hccn": ("/etc/hccn.conf", "FileOrCreate")}
"""What Ascend's documents mount into a container of theirs: the driver, and the addresses of the NPUs' own cards."""


@active
@check(
    "W12",
    section="3.16",
    source="DeepOps gap",
    on=first_device_host_of_each_kind,
    title_zh="两台同类主机间全归约（NCCL / HCCL）结果正确且达到约定带宽",
    causes=[nodes.test_node_is_ready, pods.test_pod_gets_one_device],
    fix="kubectl describe the pods; free the accelerators; GPUs: set NCCL_DEBUG=INFO in the image to see the"
    " transports used; NPUs: check their network (P15 to P22)",
)
def test_two_hosts_reduce(node: Node, cluster: Cluster, master: Host) -> None:
    """An all-reduce over all accelerators of two hosts of the same kind is correct and reaches the agreed bandwidth."""
    kind = device_plugins.kind(cluster, node)
    wanted, pair = cluster.suite.acceptance.two_hosts.get(kind), device_plugins.alike(cluster, node)[:2]
    if len(pair) < 2:
        raise NotApplicable(f"{node.name} is the only host with {kind} accelerators")
    if wanted is None:
        raise NotApplicable(f"suite.acceptance.two_hosts names no image for {kind}")
    probes = ended(master, manifests(cluster, pair, wanted.image))
    demand_end(pair, [found for found, _ in probes])
    found = all_reduce.parse(probes[0][1])
    expect("ranks in the all-reduce", found=found.ranks, expected=sum(host.device_count for host in pair))
    expect("ranks with a wrong sum", found=[place(pair, rank) for rank in found.wrong], expected=[])
    if wanted.all_reduce is not None:
        expect_that(
            found.bus >= wanted.all_reduce,
            "all-reduce bus bandwidth over two hosts",
            found=f"{found.bus:.3g} GB/s",
            expected=f"at least {wanted.all_reduce:g} GB/s",
        )


def manifests(cluster: Cluster, pair: Sequence[Node], image: str) -> list[Object]:
    """The pods, one on each host, with all its accelerators."""
    told = {
        "backend": BACKENDS[pair[0].device],
        "ranks": sum(host.device_count for host in pair),
        "address": pair[0].address,
        "port": PORT,
        "bytes": SIZE,
        "join": JOIN,
        "end": END,
        "says": "/dev/termination-log",
    }
    firsts = [sum(host.device_count for host in pair[:at]) for at in range(len(pair))]
    return [
        reducer(cluster, host, image, {**told, "first": first, "count": host.device_count, "own": host.address})
        for host, first in zip(pair, firsts, strict=True)
    ]


def reducer(cluster: Cluster, node: Node, image: str, told: Mapping[str, Any]) -> Object:
    """The pod of one host, made as the platform makes the workers of a distributed job (dist_pod_template.py).

    They are on their host's network, so they meet at addresses that are known beforehand, and what is measured is the
    hosts' links and not the pod network. They have /dev/shm in memory, by which NCCL's ranks of a host exchange, and
    may pin memory, without which there is no RDMA. They are not privileged: a device that needs it (/dev/infiniband
    where no plugin hands it out) they do not have, and NCCL then goes by TCP, as in a job.
    """
    volumes: list[dict[str, Any]] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    mounts: list[dict[str, Any]] = [{"name": "shm", "mountPath": "/dev/shm"}]
    for name, (path, kind) in DRIVER.items() if node.device is Device.NPU else ():
        volumes.append({"name": name, "hostPath": {"path": path, "type": kind}})
        mounts.append({"name": name, "mountPath": path, "readOnly": True})
    return pod(
        cluster,
        node,
        f"{APP}-reduce-{node.name}",
        image,
        spec={"hostNetwork": True, "activeDeadlineSeconds": LIFE, "volumes": volumes},
        command=["python3", "-c", SCRIPT, json.dumps(told, sort_keys=True)],
        resources={"limits": {device_plugins.for_node(cluster, node).resource: node.device_count}},
        securityContext={"capabilities": {"add": ["IPC_LOCK"]}},
        volumeMounts=mounts,
    )


def demand_end(pair: Sequence[Node], found: Sequence[Object]) -> None:
    """Mismatch where a pod has not come to a good end; of one that only waited for the other nothing is said."""
    phases = [str(probe["status"].get("phase")) for probe in found]
    if all(phase == "Succeeded" for phase in phases):
        return
    waited = ("Succeeded", "Running") if set(phases) - {"Succeeded", "Running"} else ("Succeeded",)
    told = [
        f"{host.name}: {'; '.join(pod_trouble.why(probe)) or f'{phase} after {LIFE} s'}"
        for host, probe, phase in zip(pair, found, phases, strict=True)
        if phase not in waited
    ]
    raise Mismatch("all-reduce pods", found=told, expected="both completed")


def place(pair: Sequence[Node], rank: int) -> str:
    """A rank and its host: `9 (atlas03)`."""
    return f"{rank} ({pair[rank >= pair[0].device_count].name})"
