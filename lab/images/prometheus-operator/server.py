"""A stand-in for the Prometheus operator: makes its resource type, and a StatefulSet for each Prometheus object."""

from __future__ import annotations

import urllib.error
from typing import Any

import standin

GROUP, PLURAL = "monitoring.coreos.com", "prometheuses"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Prometheus", "listKind": "PrometheusList", "plural": PLURAL, "singular": "prometheus"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


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
    create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    for one in standin.api(f"/apis/{GROUP}/v1/{PLURAL}")["items"]:
        space = one["metadata"]["namespace"]
        one |= {"apiVersion": f"{GROUP}/v1", "kind": "Prometheus"}
        create(f"/apis/apps/v1/namespaces/{space}/statefulsets", stateful_set(one))


if __name__ == "__main__":
    standin.every(5, look)
    standin.serve({"/healthz": standin.healthy, "/metrics": lambda request: standin.metrics("operator_up 1")}, 8080)
