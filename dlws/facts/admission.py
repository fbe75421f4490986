"""Whether the API server would admit what controllers ask of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.kubernetes import admission, device_plugins
from dlws.kubernetes.objects import Object, name_of
from dlws.platform import services
from dlws.remote.kubernetes import Kubernetes

JOBS: Final = "default"
"""The namespace in which the platform runs its jobs, as plain pods (docs/upstream.md)."""

WITHOUT_ACCOUNT: Final = ("default", services.METRICS[0])
"""Upstream's custommetrics names a ServiceAccount that it never makes, so this StatefulSet has no pod anywhere. D10
judges what it is for."""


def refused_pods(cluster: Cluster, kube: Kubernetes) -> dict[str, list[str]]:
    """By the API server's reason, the workloads of DLWS's namespaces of which it would not admit a new pod now."""
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for name, pod, user in _asked(cluster, kube):
        if reason := kube.refusal("pods", pod, user):
            refused[_general(reason)].append(name)
            if "failed calling webhook" in reason:
                break  # each of the others would wait for it, too
    return refused


def _asked(cluster: Cluster, kube: Kubernetes) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    yield f"a job in {JOBS}", admission.job_pod(JOBS), ""
    for plugin in device_plugins.plugins(cluster):  # a ResourceQuota may forbid these alone
        yield f"a job with {plugin.resource} in {JOBS}", admission.job_pod(JOBS, plugin.resource), ""
    for kind, creator in admission.CREATORS.items():
        for workload in kube.list(kind):
            name = (workload["metadata"]["namespace"], workload["metadata"]["name"])
            if name[0] in services.namespaces() and name != WITHOUT_ACCOUNT and not _is_leaving(workload):
                yield f"{kind} {name_of(workload)}", admission.pod_of(workload), creator


def _is_leaving(workload: Object) -> bool:
    return "deletionTimestamp" in workload["metadata"]


def _general(reason: str) -> str:
    """The reason without the pod's generated name, `pods "a-x7k2p" is forbidden: ...`, so that equal ones are one."""
    head, separator, rest = reason.partition(" is forbidden: ")
    return rest if separator and head.startswith("pods ") else reason
