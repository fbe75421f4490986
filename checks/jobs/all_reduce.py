"""W, active: what a job on several hosts needs first: two hosts that add up, over all their accelerators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.jobs import pods
from checks.kubernetes import nodes
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect, expect_that
from dlws.engine.targets import first_device_host_of_each_kind
from dlws.facts import samples
from dlws.facts.accelerators import devices_for_jobs
from dlws.facts.probes.all_reduce_pods import LIFE, manifests
from dlws.facts.probes.pods import ended
from dlws.inventory import Node
from dlws.kubernetes import device_plugins, pod_trouble
from dlws.kubernetes.objects import Object
from dlws.parse.accelerators import all_reduce
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import NotApplicable


@active
@check(
    "W12",
    section="3.16",
    source="DeepOps gap",
    on=first_device_host_of_each_kind,
    sample=samples.first_two_alike,
    title_zh="两台同类主机间全归约（NCCL / HCCL）结果正确且达到约定带宽",
    causes=[nodes.test_node_is_ready, pods.test_pod_gets_one_device],
    fix="kubectl describe the pods; free the accelerators; GPUs: set NCCL_DEBUG=INFO in the image to see the"
    " transports used; NPUs: check their network (P15 to P22)",
)
def test_two_hosts_reduce(node: Node, cluster: Cluster, master: Host, kube: Kubernetes) -> None:
    """An all-reduce over all accelerators of two hosts of the same kind is correct and reaches the agreed bandwidth."""
    kind = device_plugins.kind(cluster, node)
    wanted, pair = cluster.suite.acceptance.two_hosts.get(kind), device_plugins.alike(cluster, node)[:2]
    if len(pair) < 2:
        raise NotApplicable(f"{node.name} is the only host with {kind} accelerators")
    if wanted is None:
        raise NotApplicable(f"suite.acceptance.two_hosts names no image for {kind}")
    counts = {host.name: devices_for_jobs(cluster, host, kube) for host in pair}
    probes = ended(master, manifests(cluster, pair, wanted.image, counts))
    demand_end(pair, [found for found, _ in probes])
    found = all_reduce.parse(probes[0][1])
    expect("ranks in the all-reduce", found=found.ranks, expected=sum(counts.values()))
    expect("ranks with a wrong sum", found=[place(counts, rank) for rank in found.wrong], expected=[])
    if wanted.all_reduce is not None:
        expect_that(
            found.bus >= wanted.all_reduce,
            "all-reduce bus bandwidth over two hosts",
            found=f"{found.bus:.3g} GB/s",
            expected=f"at least {wanted.all_reduce:g} GB/s",
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


def place(counts: Mapping[str, int], rank: int) -> str:
    """A rank and its host: `9 (atlas03)`."""
    first, second = counts
    return f"{rank} ({second if rank >= counts[first] else first})"
