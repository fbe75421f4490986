"""Readiness of the platform's pods: a pod is ready when its port serves, not as soon as its process runs.

Half of V0.1.6.1's workloads have no readiness probe: Kubernetes calls their pods ready when the container has started,
whatever comes of it. With a probe the service's check and stage mean what they say. MySQL gets none: it locks out a
host that connects a hundred times and does not sign in (`max_connect_errors`); D03 signs in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dlws.config.cluster import Cluster
from dlws.kubernetes.objects import Object
from dlws.platform.manifests import Manifest
from dlws.platform.services import Port, Service

TIMES: Final = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
"""How often a probe asks, in seconds; upstream's own probes ask every 10 or 30."""


def probed(cluster: Cluster, service: Service, manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The manifests; a workload that has no readiness probe gets one for its first port, if that has a health path."""
    ports = {
        (workload.kind, name): workload.ports_on(cluster)[0]
        for workload in service.workloads
        for name in workload.objects(cluster)
        if workload.ports and workload.ports[0].health
    }
    return tuple(_probed(m, ports[m.kind, m.name]) if (m.kind, m.name) in ports else m for m in manifests)


def _probed(manifest: Manifest, port: Port) -> Manifest:
    template = manifest.object["spec"]["template"]
    containers = template["spec"]["containers"]
    if any("readinessProbe" in container for container in containers):
        return manifest
    serving = next((c for c in containers if _names(c, port)), containers[0])
    probe = {"httpGet": {"path": port.health, "port": port.number}, **TIMES}
    with_probe = [{**c, "readinessProbe": probe} if c is serving else c for c in containers]
    template = {**template, "spec": {**template["spec"], "containers": with_probe}}
    return replace(manifest, object={**manifest.object, "spec": {**manifest.object["spec"], "template": template}})


def _names(container: Object, port: Port) -> bool:
    return any(int(named["containerPort"]) == port.number for named in container.get("ports") or ())
