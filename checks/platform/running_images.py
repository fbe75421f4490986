"""R: what the platform's pods run, against what the host has under the same name (runbook 3.16)."""

from __future__ import annotations

from checks.kubernetes import nodes
from checks.platform import images
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import platform_hosts
from dlws.facts import rendered, running_images
from dlws.inventory import Node
from dlws.kubernetes.objects import name_of
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes


@check(
    "R25",
    section="3.16",
    source="kubelet imageID",
    on=platform_hosts,
    title_zh="DLWS 的 Pod 运行的是主机上当前的镜像",
    fix="-m install --stages pods_current",
    causes=[nodes.test_node_is_ready, images.test_images_are_present],
)
def test_pods_run_present_images(node: Node, cluster: Cluster, host: Host, kube: Kubernetes, notes: Notes) -> None:
    """The platform's pods run the images that are now on the host.

    An image that was replaced under the same name needs new pods.
    """
    wanted = rendered.ask(notes, f"images of {node.name}", cluster, lambda p: p.image_digests(node))
    found = [f"{name_of(pod)}: {image}" for pod, image in running_images.outdated_pods(node, list(wanted), host, kube)]
    expect("pods that run an image other than the host's", found=found, expected=[])
