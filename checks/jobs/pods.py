"""W, active: what a job would meet on a host: its device, the other hosts' pods, names, the shared folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from checks.kubernetes import nodes
from checks.storage import shares
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect, expect_that
from dlws.engine.targets import platform_cluster, platform_device_hosts
from dlws.facts import rendered
from dlws.facts.probes.pod_view import pause_image, seen_from, start_time
from dlws.facts.probes.pods import APP, ended, pod, remove, standing
from dlws.inventory import Device, Node
from dlws.kubernetes import device_plugins, pod_trouble
from dlws.kubernetes.objects import Object
from dlws.parse.accelerators import nvidia_smi
from dlws.platform.renderings import INIT_CONTAINER, Platform
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Unknown

SLOWEST_START = 5.0  # seconds


@active
@check(
    "W09",
    section="3.16",
    source="GPU operator validation",
    on=platform_device_hosts,
    title_zh="申请一块加速卡的 Pod 可运行并看到一块卡",
    fix="kubectl describe the pod; read the device plugin's log; nvidia must be the default runtime",
)
def test_pod_gets_one_device(node: Node, cluster: Cluster, master: Host, notes: Notes) -> None:
    """A pod that requests one accelerator runs on the host and sees exactly one."""
    plugin = device_plugins.for_node(cluster, node)
    is_gpu = node.device is Device.GPU
    if is_gpu:
        image, command = cluster.suite.gpu_probe_image, ["nvidia-smi", "-L"]
    else:
        image = rendered.ask(notes, f"{INIT_CONTAINER} of {node.name}", cluster, lambda p: init_container(p, node))
        command = ["sh", "-c", "ls /dev"]
    limits = {"limits": {plugin.resource: 1}}
    probe = pod(cluster, node, f"{APP}-device-{node.name}", image, command=command, resources=limits)
    [(found, log)] = ended(master, [probe])
    if found["status"].get("phase") != "Succeeded":
        why = "; ".join(pod_trouble.why(found)) or str(found["status"].get("phase"))
        if f"Insufficient {plugin.resource}" in why:
            raise Unknown(f"{node.name}: no {plugin.resource} is free now: {why}")
        expect(f"pod with one {plugin.resource}", found=why, expected="completed")
    seen = len(nvidia_smi.listed(log)) if is_gpu else len(re.findall(r"(?m)^davinci[0-9]+$", log))
    expect(f"devices seen by a pod with one {plugin.resource}", found=seen, expected=1)


@active
@check(
    "W08",
    section="3.16",
    source="SIG Scalability pod startup SLO",
    on=platform_cluster,
    title_zh="各节点 Pod 在 5 秒内启动",
    causes=[nodes.test_node_is_ready],
    fix="check load and disk of Docker and the kubelet on the named host: journalctl -u kubelet",
)
def test_pods_start_quickly(cluster: Cluster, hosts: dict[str, Host], master: Host) -> None:
    """On each host, a pod whose image is present is ready within 5 s of being scheduled."""
    there = [node for node in cluster.nodes if node.name in hosts]
    image = pause_image(master)
    try:
        taken = {name: start_time(probe) for name, probe in on_each(cluster, there, master, image).items()}
        slow = [f"{name}: {seconds:.0f} s" for name, seconds in taken.items() if seconds > SLOWEST_START]
        expect(f"pods that take more than {SLOWEST_START:g} s to start", found=slow, expected=[])
    finally:
        remove(master)


@active
@check(
    "W10",
    section="3.16",
    source="sonobuoy",
    on=platform_cluster,
    title_zh="Pod 间网络、域名解析与共享存储可用",
    fix="check the pod network's own pods on the named hosts, CoreDNS (C09) and the mounts (S06)",
    causes=[shares.test_shares_are_mounted],
)
def test_pods_reach_each_other(cluster: Cluster, hosts: dict[str, Host], master: Host) -> None:
    """A pod on each host can reach the pods on all others, resolve cluster names and use a shared folder."""
    there = [node for node in cluster.nodes if node.name in hosts]
    image = pause_image(master)
    share = next((m.mount_point for m in cluster.mounts), "")
    given: dict[str, Any] = (
        {
            "spec": {"volumes": [{"name": "share", "hostPath": {"path": share}}]},
            "volumeMounts": [{"name": "share", "mountPath": "/share"}],
        }
        if share
        else {}
    )
    try:
        pods = on_each(cluster, there, master, image, **given)
        addresses = {name: str(probe["status"]["podIP"]) for name, probe in pods.items()}
        wrong = [f"{n.name}: {line}" for n in there for line in seen_from(cluster, n, hosts[n.name], addresses, share)]
        expect("failures seen from the probe pods", found=wrong, expected=[])
    finally:
        remove(master)


def on_each(cluster: Cluster, there: Sequence[Node], master: Host, image: str, **more: Any) -> dict[str, Object]:
    """Start a probe on each host; by host's name the pods, all ready. Mismatch where one does not come up."""
    pods = standing(master, [pod(cluster, node, f"{APP}-on-{node.name}", image, **more) for node in there])
    unready = [f"{p['metadata']['name']}: {', '.join(why)}" for p in pods if (why := pod_trouble.why(p))]
    expect("probe pods that do not start", found=unready, expected=[])
    found = {str(p["metadata"]["name"]).removeprefix(f"{APP}-on-"): p for p in pods}
    expect_that(
        found.keys() == {node.name for node in there},
        "probe pods",
        found=sorted(found),
        expected=f"one on each of {len(there)} hosts",
    )
    return found


def init_container(wanted: Platform, node: Node) -> str:
    """The image that jobs begin with, for a host."""
    return next(b.full_name for b in wanted.builds(node.arch) if b.image.name == INIT_CONTAINER)
