"""R: what the platform's pods run, against what the host has under the same name (runbook 3.16)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from checks.kubernetes import nodes
from checks.platform import images as platform_images
from checks.platform.images import images_of, inspected
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.site import Notes
from dlws.engine.targets import platform_hosts
from dlws.facts import rendered
from dlws.inventory import Node
from dlws.kubernetes.image_archives import with_tag
from dlws.kubernetes.objects import Object, is_being_deleted, is_finished, name_of
from dlws.parse.text import unparsable
from dlws.platform import services
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

IDENTITIES = "docker image inspect -f '{{json .RepoTags}} {{json .RepoDigests}} {{.Id}}' "


@check(
    "R25",
    section="3.16",
    source="kubelet imageID",
    on=platform_hosts,
    title_zh="DLWS 的 Pod 运行的是主机上当前的镜像",
    fix="-m install --stages pods_current",
    causes=[nodes.test_node_is_ready, platform_images.test_images_are_present],
)
def test_pods_run_present_images(node: Node, cluster: Cluster, host: Host, kube: Kubernetes, notes: Notes) -> None:
    """The platform's pods run the images that are now on the host.

    An image that was replaced under the same name needs new pods.
    """
    wanted = rendered.ask(notes, f"images of {node.name}", cluster, lambda p: images_of(p, node))
    found = [f"{name_of(pod)}: {image}" for pod, image in outdated_pods(node, list(wanted), host, kube)]
    expect("pods that run an image other than the host's", found=found, expected=[])


def outdated_pods(node: Node, wanted: list[str], host: Host, kube: Kubernetes) -> list[tuple[Object, str]]:
    """The pods of a host that run another image than the one of that name there; each once, with the first such."""
    running = list(_running(node, wanted, kube))
    here = _identities(host, sorted({image for _, image, _ in running}))
    old = [(pod, image) for pod, image, id in running if here[image] and id not in here[image]]
    return list({name_of(pod): (pod, image) for pod, image in reversed(old)}.values())


def _running(node: Node, wanted: list[str], kube: Kubernetes) -> Iterator[tuple[Object, str, str]]:
    """Of each container that runs one of the images: its pod, the image's name, and the digest or id that it runs."""
    for pod in kube.list("pods"):
        if pod["spec"].get("nodeName") != node.name or not services.is_platforms(pod):
            continue
        if is_finished(pod) or is_being_deleted(pod):
            continue
        names = {container["name"]: container["image"] for container in pod["spec"]["containers"]}
        for status in pod["status"].get("containerStatuses") or ():
            image, id = names.get(status["name"], ""), str(status.get("imageID") or "")
            if image in wanted and "running" in (status.get("state") or {}):
                yield pod, image, "sha256:" + id.rpartition("sha256:")[2]


def _identities(host: Host, images: list[str]) -> dict[str, set[str]]:
    """By image the digests and the id that it has on the host."""
    if not images:
        return {}
    result = host.run_expect([0, 1], IDENTITIES + " ".join(["%s"] * len(images)), *images)
    told = {}
    for name, words in inspected(host, result.stdout, result.stderr):
        digests, _, id = words.rpartition(" ")
        try:
            told[name] = {id, *(digest.partition("@")[2] for digest in json.loads(digests) or ())}
        except (ValueError, TypeError, AttributeError):
            raise unparsable("docker image inspect", words) from None
    return {image: told.get(with_tag(image), set()) for image in images}
