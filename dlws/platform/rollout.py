"""How a workload takes up a change: it starts anew when what it mounts changes, and without a second pod beside it.

Upstream stops and starts by hand. Here a pod's template carries a digest of the configuration that its volumes hold,
and of what its images are built from, so that an apply rolls out exactly what reads it, and a plan names it.
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
"""The annotation of a pod template that holds the digest."""
IN_PLACE: Final = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
"""For a Deployment on its host's network: the ports are the old pod's until that has gone, so a new one beside it,
which is the default, would stay Pending for good."""


def prepared(manifests: Iterable[Manifest], files: Mapping[str, str], built: Mapping[str, str]) -> tuple[Manifest, ...]:
    """The manifests of a service as they are applied.

    `files` are the texts that the suite writes to hosts, by path; `built` says what images are built from, by name:
    their tag, `latest`, does not change when they do.
    """
    known = tuple(manifests)
    maps = {(m.namespace or "default", m.name): m.object.get("data") or {} for m in known if m.kind == "ConfigMap"}
    return tuple(m if m.nodes is None else replace(m, object=_prepared(m, maps, files, built)) for m in known)


def _prepared(
    manifest: Manifest, maps: Mapping[tuple[str, str], Object], files: Mapping[str, str], built: Mapping[str, str]
) -> Object:
    found = manifest.object
    spec, template = found["spec"], found["spec"]["template"]
    mounted = dict(_mounted(template["spec"].get("volumes") or (), manifest.namespace or "default", maps, files))
    mounted |= {f"image {name}": built[name] for name in manifest.images if name in built}
    if mounted:
        digest = hashlib.sha256(json.dumps(mounted, sort_keys=True).encode()).hexdigest()[:32]
        about = template.get("metadata") or {}
        annotations = {**(about.get("annotations") or {}), CONFIGURATION: digest}
        template = {**template, "metadata": {**about, "annotations": annotations}}
    if found["kind"] == "Deployment" and template["spec"].get("hostNetwork") and "strategy" not in spec:
        spec = {**spec, "strategy": IN_PLACE}
    return {**found, "spec": {**spec, "template": template}}


def _mounted(
    volumes: Iterable[Object], namespace: str, maps: Mapping[tuple[str, str], Object], files: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """What of a pod's volumes is the suite's: ConfigMaps of its service, files in folders of its host."""
    for volume in volumes:
        name = (volume.get("configMap") or {}).get("name", "")
        if (namespace, name) in maps:
            yield f"ConfigMap {name}", maps[namespace, name]
        folder = (volume.get("hostPath") or {}).get("path", "").rstrip("/")
        if folder:
            yield from ((p, text) for p, text in files.items() if p == folder or p.startswith(f"{folder}/"))
