"""Grafana's administrator gets a password of the cluster's own, in a Secret.

V0.1.6.1 leaves `admin` with the password `admin`, on a port of the master's own network: whoever reached it changed the
data source, and so made Grafana ask any address for him.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dlws.kubernetes.objects import Object
from dlws.platform import own_secrets
from dlws.platform.manifests import Manifest
from dlws.platform.rollout import CONFIGURATION

SECRET: Final = "grafana-admin"
KEY: Final = "password"
VARIABLES: Final = ("GF_SECURITY_ADMIN_PASSWORD", "PASSWORD")
"""What the server reads at its first start, which every start of a pod is, as its database is in the container; and
what the script reads that hands it the dashboards (docker-images/grafana/src/run-grafana.sh)."""
_DEPLOYMENTS: Final = frozenset({"grafana", "grafana-arm64"})
_CONFIG_MAP: Final = "grafana-configuration"
_DASHBOARD: Final = "-dashboard.json"
"""The end of the names of the files that the script takes for dashboards."""


def with_own_password(manifests: Iterable[Manifest], values: Mapping[str, Any]) -> Iterator[Manifest]:
    """The manifests of a service; before each Grafana the Secret with its administrator's password, from `values`."""
    for manifest in manifests:
        if manifest.kind != "Deployment" or manifest.name not in _DEPLOYMENTS:
            yield manifest
            continue
        password = str(values[own_secrets.GRAFANA])
        digest = hashlib.sha256(password.encode()).hexdigest()[:32]
        yield Manifest(manifest.file, _secret(manifest.namespace, password, digest), None)
        yield replace(manifest, object=_reading(manifest.object, digest))


def dashboards(manifests: Iterable[Manifest]) -> list[str]:
    """The titles of the dashboards that Grafana is given, in order."""
    given = [m.object.get("data") or {} for m in manifests if (m.kind, m.name) == ("ConfigMap", _CONFIG_MAP)]
    files = [text for data in given for name, text in data.items() if name.endswith(_DASHBOARD)]
    return [str(json.loads(text).get("dashboard", {}).get("title", "")) for text in files]


def _secret(namespace: str, password: str, digest: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace, "annotations": {CONFIGURATION: digest}},
        "type": "Opaque",
        "data": {KEY: b64encode(password.encode()).decode()},
    }


def _reading(deployment: Object, digest: str) -> Object:
    """The Deployment whose first container reads the Secret; its pods are replaced when the password changes."""
    template = deployment["spec"]["template"]
    first, *others = template["spec"]["containers"]
    kept = [variable for variable in first.get("env") or () if variable["name"] not in VARIABLES]
    reference = {"secretKeyRef": {"name": SECRET, "key": KEY}}
    env = [*kept, *({"name": name, "valueFrom": reference} for name in VARIABLES)]
    metadata = template["metadata"]
    annotations = {**(metadata.get("annotations") or {}), "dlws-suite/administrator": digest}
    template = {
        **template,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**template["spec"], "containers": [{**first, "env": env}, *others]},
    }
    return {**deployment, "spec": {**deployment["spec"], "template": template}}
