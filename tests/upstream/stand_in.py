"""What the lab would hide: the fields of a checkout's objects that those of the lab's stand-in have otherwise.

Both are rendered by the suite, for one cluster. Names within a pod and what stands in the files of ConfigMaps are the
stand-in's own: nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dlws.platform import manifests, services
from dlws.platform.manifests import Manifest
from dlws.platform.renderings import Platform
from tests.upstream.comparison import ABSENT, Difference, fields, key_of

PROBES: Final = ("readinessProbe", "livenessProbe")
DEFAULTS: Final = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
"""What a probe has that does not say so (Kubernetes, Configure Liveness, Readiness and Startup Probes)."""


def differences(theirs: Platform, stand_in: Platform) -> list[Difference]:
    """Every field that differs, and every object that only one of them has, in a fixed order."""
    left, right = _objects(theirs), _objects(stand_in)
    found: list[Difference] = []
    for key in dict.fromkeys([*left, *right]):
        if key in left and key in right:
            found += fields(f"object {key}", left[key], right[key])
        else:
            found.append(Difference(f"object {key}", *("present" if key in side else ABSENT for side in (left, right))))
    return found


def _objects(platform: Platform) -> dict[str, Any]:
    every = (
        manifest
        for service in services.SERVICES
        for manifest in manifests.of_service(platform.cluster, platform.renderer, service.name)
    )
    return {key_of(manifest.object): _comparable(manifest) for manifest in manifests.placeable(every)}


def _comparable(manifest: Manifest) -> Mapping[str, Any]:
    thing = manifest.object
    if manifest.kind == "ConfigMap":
        return {**thing, "data": dict.fromkeys(thing.get("data") or {}, "a text")}
    if manifest.nodes is None:
        return thing
    template = thing["spec"]["template"]
    metadata = {key: value for key, value in template["metadata"].items() if key != "name"}
    spec = {key: value for key, value in template["spec"].items() if key != "volumes"}
    volumes = {volume["name"]: _but_name(volume) for volume in template["spec"].get("volumes") or ()}
    for kind in ("initContainers", "containers"):
        if kind in spec:
            spec[kind] = [dict(_container(container, volumes)) for container in spec[kind]]
    return {**thing, "spec": {**thing["spec"], "template": {"metadata": metadata, "spec": spec}}}


def _container(container: Mapping[str, Any], volumes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in _but_name(container).items():
        if key in PROBES:
            yield key, {**DEFAULTS, **value}
        elif key == "ports":
            yield key, [_but_name(port) for port in value]
        elif key == "volumeMounts":
            yield key, {mount["mountPath"].rstrip("/"): _but_name(mount) | volumes[mount["name"]] for mount in value}
        else:
            yield key, value


def _but_name(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key not in ("name", "mountPath")}
