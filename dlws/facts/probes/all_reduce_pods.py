"""The pods of an all-reduce over several hosts (`dlws.facts.probes.all_reduce` is their program)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlws.config.cluster import Cluster
from dlws.facts.probes.all_reduce import SCRIPT
from dlws.facts.probes.pods import APP, pod
from dlws.inventory import Device, Node
from dlws.kubernetes import device_plugins
from dlws.kubernetes.objects import Object

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
"""What Ascend's documents mount into a container of theirs: the driver, and the addresses of the NPUs' own ports."""


def manifests(cluster: Cluster, pair: Sequence[Node], image: str, counts: Mapping[str, int]) -> list[Object]:
    """The pods, one on each host, with all its accelerators: `counts` by the host's name."""
    task = {
        "backend": BACKENDS[pair[0].device],
        "ranks": sum(counts[host.name] for host in pair),
        "address": pair[0].address,
        "port": PORT,
        "bytes": SIZE,
        "join": JOIN,
        "end": END,
        "says": "/dev/termination-log",
    }
    firsts = [sum(counts[host.name] for host in pair[:at]) for at in range(len(pair))]
    return [
        reducer(cluster, host, image, {**task, "first": first, "count": counts[host.name], "own": host.address})
        for host, first in zip(pair, firsts, strict=True)
    ]


def reducer(cluster: Cluster, node: Node, image: str, task: Mapping[str, Any]) -> Object:
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
        command=["python3", "-c", SCRIPT, json.dumps(task, sort_keys=True)],
        resources={"limits": {device_plugins.for_node(cluster, node).resource: task["count"]}},
        securityContext={"capabilities": {"add": ["IPC_LOCK"]}},
        volumeMounts=mounts,
    )
