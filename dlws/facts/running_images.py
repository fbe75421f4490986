"""What the platform's pods run, against what the host has under the same name."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dlws.facts.platform_images import inspected
from dlws.inventory import Node
from dlws.kubernetes.image_archives import with_tag
from dlws.kubernetes.objects import Object, is_being_deleted, is_finished, name_of
from dlws.parse.text import unparsable
from dlws.platform import services
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

IDENTITIES = "docker image inspect -f '{{json .RepoTags}} {{json .RepoDigests}} {{.Id}}' "


def outdated_pods(node: Node, wanted: list[str], host: Host, kube: Kubernetes) -> list[tuple[Object, str]]:
    """The pods of a host that run another image than the one of that name there; each once, with the first such."""
    running = list(_running(node, wanted, kube))
    here = _identities(host, sorted({image for _, image, _ in running}))
    old = [(pod, image) for pod, image, id in running if here[image] and id not in here[image]]
    return list({name_of(pod): (pod, image) for pod, image in reversed(old)}.values())


def _running(node: Node, wanted: list[str], kube: Kubernetes) -> Iterator[tuple[Object, str, str]]:
    """Of each container that runs one of the images: its pod, the image's name, and the digest or id that it runs."""
    for pod in kube.list("pods").on(node.name):
        if not services.is_platforms(pod):
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
