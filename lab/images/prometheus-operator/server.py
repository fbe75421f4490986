"""A stand-in for the Prometheus operator: makes its resource type, and a StatefulSet for each Prometheus object."""

from __future__ import annotations

import urllib.error
from typing import Any

import standin

GROUP, PLURAL = "monitoring.coreos.com", "prometheuses"
SPEC = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "format": "int32"},
        "image": {"type": "string"},
        "serviceAccountName": {"type": "string"},
        "retention": {"type": "string"},
        "serviceMonitorSelector": {
            "type": "object",
            "properties": {"matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}},
        },
        "resources": {
            "type": "object",
            "properties": {"requests": {"type": "object", "additionalProperties": {"type": "string"}}},
        },
    },
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1beta1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Prometheus", "listKind": "PrometheusList", "plural": PLURAL, "singular": "prometheus"},
        "preserveUnknownFields": False,
        "validation": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": SPEC}}},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}
"""As the operator of this age makes it, with a schema; Kubernetes 1.22 no longer knows this version."""


def create(path: str, content: Any) -> None:
    """Make an object unless it is there."""
    try:
        standin.api(path, "POST", content)
        standin.say(f"created {content['kind']} {content['metadata']['name']}")
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise


def stateful_set(one: dict[str, Any]) -> dict[str, Any]:
    """What runs a Prometheus object, as the operator names it; owned by it, so that it goes with it."""
    name, spec = one["metadata"]["name"], one["spec"]
    labels = {"app": "prometheus", "prometheus": name}
    owner = {"apiVersion": one["apiVersion"], "kind": one["kind"], "name": name, "uid": one["metadata"]["uid"]}
    container = {
        "name": "prometheus",
        "image": spec["image"],
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
        "ports": [{"name": "web", "containerPort": 9090}],
    }
    container |= {"resources": spec.get("resources", {})}
    pod = {"serviceAccountName": spec.get("serviceAccountName", "default"), "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": f"prometheus-{name}", "ownerReferences": [owner]},
        "spec": {
            "serviceName": "prometheus-operated",
            "replicas": spec.get("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def look() -> None:
    """One round."""
    create("/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions", DEFINITION)
    for one in standin.api(f"/apis/{GROUP}/v1/{PLURAL}")["items"]:
        space = one["metadata"]["namespace"]
        one |= {"apiVersion": f"{GROUP}/v1", "kind": "Prometheus"}
        create(f"/apis/apps/v1/namespaces/{space}/statefulsets", stateful_set(one))


if __name__ == "__main__":
    standin.every(5, look)
    standin.serve({"/healthz": standin.healthy, "/metrics": lambda request: standin.metrics("operator_up 1")}, 8080)
