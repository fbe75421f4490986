"""Whether the API server would admit what controllers ask of it, and whether its webhooks can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.facts.reachability import refusing_endpoints
from dlws.kubernetes import admission, device_plugins
from dlws.kubernetes.admission import Webhook
from dlws.kubernetes.objects import Object, name_of
from dlws.platform import services
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

CONFIGURATIONS: Final = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
JOBS: Final = "default"
"""The namespace in which the platform runs its jobs, as plain pods (docs/upstream.md)."""

WITHOUT_ACCOUNT: Final = ("default", services.METRICS[0])
"""Upstream's custommetrics names a ServiceAccount that it never makes, so this StatefulSet has no pod anywhere. D10
judges what it is for."""


def webhooks(kube: Kubernetes) -> list[Webhook]:
    """Every admission webhook of the cluster, mutating and validating."""
    return [hook for resource in CONFIGURATIONS for hook in admission.webhooks(kube.list(resource))]


def dead_webhooks(kube: Kubernetes, master: Host, hooks: list[Webhook]) -> list[str]:
    """Those that would not answer the API server, with the reason, as the master, where it runs, finds them."""
    found = {hook: _place_of(kube, hook) for hook in hooks}
    wanted = sorted({place for place, why in found.values() if not why})
    closed = refusing_endpoints(master, wanted)
    reasons = {
        hook: why or (f"no connection to {place}" if place in closed else "") for hook, (place, why) in found.items()
    }
    return sorted(f"{hook}: {why}" for hook, why in reasons.items() if why)


def _place_of(kube: Kubernetes, hook: Webhook) -> tuple[str, str]:
    """Where the API server finds a webhook, `10.3.0.7:443`; or nowhere, and why."""
    if hook.service is None:
        return hook.address, ""
    namespace, name, port = hook.service
    service = kube.get("services", name, namespace=namespace)
    if service is None:
        return "", f"there is no service {namespace}/{name}"
    if service["spec"].get("type") == "ExternalName":
        return f"{service['spec'].get('externalName')}:{port}", ""
    endpoints = kube.get("endpoints", name, namespace=namespace) or {}
    addresses = [a["ip"] for subset in endpoints.get("subsets") or () for a in subset.get("addresses") or ()]
    if not addresses:
        return "", f"service {namespace}/{name} has no ready pod"
    address = service["spec"].get("clusterIP")
    return f"{addresses[0] if address in (None, '', 'None') else address}:{port}", ""


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
