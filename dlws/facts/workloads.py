"""Pods and volumes, as the API server lists them."""

from __future__ import annotations

from typing import Any

from dlws.kubernetes import objects
from dlws.remote.kubernetes import Kubernetes


def living_pods(kube: Kubernetes) -> list[Any]:
    """The pods that have not ended well and are not on a node that is itself in trouble."""
    ready = objects.ready_names(kube.list("nodes"))
    return [pod for pod in objects.on_nodes(kube.list("pods"), ready) if not objects.is_finished(pod)]


def phases(kube: Kubernetes, resource: str) -> list[tuple[str, str]]:
    """Name and phase of each object."""
    return [(objects.name_of(o), str((o.get("status") or {}).get("phase"))) for o in kube.list(resource)]
