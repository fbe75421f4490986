"""ConfigMaps of V0.1.6.1 that hold a secret of config.yaml, applied as Secrets of the same name.

A ConfigMap is for everyone who may `view` its namespace (X25). The pods that mount one find the same files,
whichever of the two kinds it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dlws.kubernetes.objects import Object
from dlws.platform.manifests import Manifest
from dlws.platform.rollout import CONFIGURATION

HOLDING: Final = frozenset({("kube-system", "alert-manager")})
"""Namespace and name. Alertmanager's configuration has `smtp_auth_password` (services/monitor/alert-manager.yaml)."""


def kept_secret(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The manifests of a service, with a Secret in place of each ConfigMap of HOLDING, and mounted as one."""
    return tuple(replace(m, object=_secret(m.object) if _is_holding(m) else _mounting(m)) for m in manifests)


def _is_holding(manifest: Manifest) -> bool:
    return manifest.kind == "ConfigMap" and (manifest.namespace, manifest.name) in HOLDING


def _secret(config_map: Object) -> Object:
    """The Secret with the files of a ConfigMap. The API gives nobody its values: their digest shows a change."""
    files = config_map.get("data") or {}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:32]
    about = config_map["metadata"]
    annotations = {**(about.get("annotations") or {}), CONFIGURATION: digest}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**about, "annotations": annotations},
        "type": "Opaque",
        "data": data,
    }


def _mounting(manifest: Manifest) -> Object:
    """A workload whose volumes of such ConfigMaps are volumes of the Secrets; any other object unchanged."""
    template = manifest.object["spec"]["template"] if manifest.nodes is not None else {}
    volumes = template.get("spec", {}).get("volumes") or ()
    changed = [_volume(volume, manifest.namespace) for volume in volumes]
    if changed == list(volumes):
        return manifest.object
    template = {**template, "spec": {**template["spec"], "volumes": changed}}
    return {**manifest.object, "spec": {**manifest.object["spec"], "template": template}}


def _volume(volume: Object, namespace: str) -> Object:
    source = volume.get("configMap") or {}
    if (namespace, source.get("name")) not in HOLDING:
        return volume
    others = {key: value for key, value in source.items() if key != "name"}
    return {"name": volume["name"], "secret": {"secretName": source["name"], **others}}
