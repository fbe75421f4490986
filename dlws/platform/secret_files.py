"""ConfigMaps of V0.1.6.1 that hold a secret of config.yaml, applied as Secrets of the same name.

A ConfigMap is for everyone who may `view` its namespace (X25). The pods that mount one find the same files,
whichever of the two kinds it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
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
    if manifest.nodes is None:
        return manifest.object
    template = manifest.object["spec"]["template"]
    pod = template["spec"]
    sources = {v["name"]: (v.get("configMap") or {}).get("name") for v in pod.get("volumes") or ()}
    names = {name: f"{name}-secret" for name, source in sources.items() if (manifest.namespace, source) in HOLDING}
    if not names:
        return manifest.object
    volumes = [_volume(volume, names) if volume["name"] in names else volume for volume in pod["volumes"]]
    groups = {k: [_container(c, names) for c in pod[k]] for k in ("initContainers", "containers") if pod.get(k)}
    template = {**template, "spec": {**pod, "volumes": volumes, **groups}}
    return {**manifest.object, "spec": {**manifest.object["spec"], "template": template}}


def _volume(volume: Object, names: Mapping[str, str]) -> Object:
    """The volume of the Secret. It has a name of its own: an apply of another kind of volume to the same one is refused
    ("may not specify more than 1 volume type", seen with 1.20.2), as the server's defaults for the former kind stay.
    """
    others = {key: value for key, value in volume["configMap"].items() if key != "name"}
    return {"name": names[volume["name"]], "secret": {"secretName": volume["configMap"]["name"], **others}}


def _container(container: Object, names: Mapping[str, str]) -> Object:
    mounts = [
        {**mount, "name": names.get(mount["name"], mount["name"])} for mount in container.get("volumeMounts") or ()
    ]
    return {**container, "volumeMounts": mounts} if mounts else container
