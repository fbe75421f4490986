"""The pod network's manifest, which the user provides: its workloads and their images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml

from dlws.parse import plain_yaml
from dlws.parse.text import unparsable

WORKLOADS: Final = ("DaemonSet", "Deployment")


@dataclass(frozen=True, slots=True)
class Workload:
    """A DaemonSet or Deployment: its kind in lower case, as kubectl takes it, and its images in order."""

    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]


@lru_cache(maxsize=4)  # each host's images are looked for by the one manifest
def workloads(text: str) -> tuple[Workload, ...]:
    """The workloads of a manifest. Unparsable if it is not YAML or has none, because a pod network needs one."""
    try:
        parsed = tuple(_workload(d) for d in _objects(plain_yaml.load_all(text)) if d.get("kind") in WORKLOADS)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise unparsable("manifest of the pod network", str(error).splitlines()[0]) from error
    if not parsed:
        raise unparsable("manifest of the pod network", why="no DaemonSet or Deployment in it")
    return parsed


def images(text: str) -> tuple[str, ...]:
    """The images of a manifest, each once."""
    return tuple(dict.fromkeys(image for one in workloads(text) for image in one.images))


def _objects(documents: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The objects of all documents; those of a List one by one."""
    for document in documents:
        if document and str(document["kind"]).endswith("List"):
            yield from document["items"]
        elif document:
            yield document


def images_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The images of one workload, as a manifest or the API has it, in order."""
    pod = document["spec"]["template"]["spec"]
    return tuple(str(container["image"]) for container in [*(pod.get("initContainers") or ()), *pod["containers"]])


def _workload(document: Mapping[str, Any]) -> Workload:
    meta, kind = document["metadata"], str(document["kind"]).lower()
    return Workload(kind, str(meta.get("namespace", "default")), str(meta["name"]), images_of(document))
