"""Makes a workload restart when the files that it mounts or its images change, without a second pod beside the old one.

Upstream stops and starts services by hand. Here a pod's template has a digest of the configuration in its volumes and
of the sources of its images, so that an apply restarts exactly the workloads that use them, and a plan lists them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dlws.kubernetes.objects import Object
from dlws.platform.manifests import Manifest

CONFIGURATION: Final = "dlws-suite/configuration"
"""The annotation of a pod template with the digest."""
IN_PLACE: Final = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
"""The strategy of a Deployment on its host's network: the old pod keeps its ports until it is gone, so a new one beside
it, which is the default, would stay Pending forever."""


def prepared(manifests: Iterable[Manifest], files: Mapping[str, str], built: Mapping[str, str]) -> tuple[Manifest, ...]:
    """The manifests of a service in the form in which they are applied.

    `files` are the texts that the suite writes to hosts, by path; `built` is the digest of each image's sources, by the
    image's name, because the tag, `latest`, does not change with the image.
    """
    service = tuple(manifests)
    maps = {(m.namespace or "default", m.name): m.object.get("data") or {} for m in service if m.kind == "ConfigMap"}
    return tuple(m if m.nodes is None else replace(m, object=_prepared(m, maps, files, built)) for m in service)


def _prepared(
    manifest: Manifest, maps: Mapping[tuple[str, str], Object], files: Mapping[str, str], built: Mapping[str, str]
) -> Object:
    workload = manifest.object
    spec, template = workload["spec"], workload["spec"]["template"]
    mounted = dict(_mounted(template["spec"].get("volumes") or (), manifest.namespace or "default", maps, files))
    mounted |= {f"image {name}": built[name] for name in manifest.images if name in built}
    if mounted:
        digest = hashlib.sha256(json.dumps(mounted, sort_keys=True).encode()).hexdigest()[:32]
        metadata = template.get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), CONFIGURATION: digest}
        template = {**template, "metadata": {**metadata, "annotations": annotations}}
    if workload["kind"] == "Deployment" and template["spec"].get("hostNetwork") and "strategy" not in spec:
        spec = {**spec, "strategy": IN_PLACE}
    return {**workload, "spec": {**spec, "template": template}}


def _mounted(
    volumes: Iterable[Object], namespace: str, maps: Mapping[tuple[str, str], Object], files: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """The content of a pod's volumes that the suite writes: ConfigMaps of its service, files in folders of its host."""
    for volume in volumes:
        name = (volume.get("configMap") or {}).get("name", "")
        if (namespace, name) in maps:
            yield f"ConfigMap {name}", maps[namespace, name]
        folder = (volume.get("hostPath") or {}).get("path", "").rstrip("/")
        if folder:
            yield from ((p, text) for p, text in files.items() if p == folder or p.startswith(f"{folder}/"))


def from_hosts(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The manifests with their images as the hosts have them: with `Always`, which is also the default for `latest`, a
    pod does not start where no registry answers. Source: Kubernetes, Images, Image pull policy."""
    return tuple(m if m.nodes is None else replace(m, object=_from_hosts(m.object)) for m in manifests)


def _from_hosts(workload: Object) -> Object:
    template = workload["spec"]["template"]
    containers = {
        kind: [{**container, "imagePullPolicy": "IfNotPresent"} for container in template["spec"][kind]]
        for kind in ("initContainers", "containers")
        if template["spec"].get(kind)
    }
    pods = {**template, "spec": {**template["spec"], **containers}}
    return {**workload, "spec": {**workload["spec"], "template": pods}}
