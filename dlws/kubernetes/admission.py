"""The pods that controllers would ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dlws.kubernetes.objects import Object

CREATORS: Final[Mapping[str, str]] = {
    "daemonsets": "system:serviceaccount:kube-system:daemon-set-controller",
    "deployments": "system:serviceaccount:kube-system:replicaset-controller",
    "statefulsets": "system:serviceaccount:kube-system:statefulset-controller",
}
"""The account as which the controller manager creates the pods of a workload (bootstrap policy of RBAC). Policies such
as PodSecurityPolicy ask what that account and the pod's own may do; an administrator may do anything."""
_LEFT_OUT: Final = frozenset({"env", "envFrom", "command", "args"})
"""Of containers: no part of an admission decision of Kubernetes' own, and where passwords are."""


def pod_of(workload: Object) -> dict[str, Any]:
    """The pod that a DaemonSet, Deployment or StatefulSet is made of, without what its containers run."""
    template, about = workload["spec"]["template"], workload["metadata"]
    spec = dict(template["spec"])
    for kind in ("initContainers", "containers"):
        if kind in spec:
            spec[kind] = [{k: v for k, v in c.items() if k not in _LEFT_OUT} for c in spec[kind]]
    labels = (template.get("metadata") or {}).get("labels") or {}
    metadata = {"generateName": f"{about['name']}-", "namespace": about["namespace"], "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def job_pod(namespace: str, *accelerators: str) -> dict[str, Any]:
    """A pod as plain as one can be, in the namespace of jobs; with one of each accelerator, `nvidia.com/gpu`."""
    limits: dict[str, Any] = {"resources": {"limits": dict.fromkeys(accelerators, "1")}} if accelerators else {}
    containers = [{"name": "probe", "image": "busybox", **limits}]
    metadata = {"generateName": "dlws-admission-", "namespace": namespace}
    spec = {"restartPolicy": "Never", "containers": containers}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
