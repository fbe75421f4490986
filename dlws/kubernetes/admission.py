"""What decides whether a pod can be created: admission webhooks, and the pod that a controller would ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from dlws.kubernetes.objects import Object, name_of

CREATORS: Final[Mapping[str, str]] = {
    "daemonsets": "system:serviceaccount:kube-system:daemon-set-controller",
    "deployments": "system:serviceaccount:kube-system:replicaset-controller",
    "statefulsets": "system:serviceaccount:kube-system:statefulset-controller",
}
"""The account as which the controller manager creates the pods of a workload (bootstrap policy of RBAC). Policies such
as PodSecurityPolicy ask what that account and the pod's own may do; an administrator may do anything."""
_LEFT_OUT: Final = frozenset({"env", "envFrom", "command", "args"})
"""Of containers: no part of an admission decision of Kubernetes' own, and where passwords are."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of a configuration, which the API server calls before it stores an object."""

    name: str
    configuration: str
    policy: str
    """`Fail`: without its answer a request is refused. `Ignore`: the request waits for it, and then goes on."""
    resources: tuple[str, ...]
    service: tuple[str, str, int] | None
    """Namespace, name and port of the Service that answers; None if it is a URL."""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.resources)})"

    @property
    def address(self) -> str:
        """`host:port` of its URL."""
        place = urlsplit(self.url)
        return f"{place.hostname}:{place.port or 443}"


def webhooks(configurations: Iterable[Object]) -> Iterator[Webhook]:
    """The webhooks of (Validating|Mutating)WebhookConfigurations."""
    for configuration in configurations:
        for hook in configuration.get("webhooks") or ():
            client, rules = hook["clientConfig"], hook.get("rules") or ()
            to = client.get("service")
            yield Webhook(
                name=str(hook["name"]),
                configuration=name_of(configuration),
                policy=str(hook.get("failurePolicy") or "Fail"),
                resources=tuple(sorted({str(r) for rule in rules for r in rule.get("resources") or ()})),
                service=(str(to["namespace"]), str(to["name"]), int(to.get("port") or 443)) if to else None,
                url=str(client.get("url") or ""),
            )


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
