"""The control plane: its pods and their flags, kubeadm's configuration, etcd."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import yaml

from dlws.config.cluster import Cluster
from dlws.kubernetes import objects
from dlws.kubernetes.kubeadm import etcd_gateway
from dlws.kubernetes.objects import Object
from dlws.parse import plain_yaml
from dlws.parse.kubernetes import etcd
from dlws.parse.versions import kubernetes
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Unparsable

NODE_PORT_KEY = base64.b64encode(b"/registry/ranges/servicenodeports").decode()
ETCD_PKI = "/etc/kubernetes/pki/etcd"
ETCD = (
    f"curl -sS -m 10 --cacert {ETCD_PKI}/ca.crt --cert {ETCD_PKI}/healthcheck-client.crt"
    f" --key {ETCD_PKI}/healthcheck-client.key https://127.0.0.1:2379"
)

ETCD_PROCESS = "pgrep -ax etcd"
LEADER = "control-plane.alpha.kubernetes.io/leader"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
"""The parts of the control plane, each a static pod of the master with this label `component`."""
KUBEADM_CONFIG = "kubeadm-config"
"""The ConfigMap in kube-system in which kubeadm keeps its ClusterConfiguration."""


def etcd_health(host: Host) -> bool:
    """Whether etcd on this host calls itself healthy."""
    return etcd.health(host.read(f"{ETCD}/health"))


def etcd_status(host: Host, version: str) -> etcd.Status:
    """The size of etcd's database, its errors and whether it has a leader. `version` is Kubernetes'."""
    return etcd.status(host.read(f"{ETCD}{etcd_gateway(version)}/maintenance/status -d '{{}}'"))


def etcd_quota(host: Host, status: etcd.Status) -> int:
    """The most bytes that etcd's database may have, as it says itself or was started with."""
    return status.quota or etcd.quota_of(host.run_expect([0, 1], ETCD_PROCESS).stdout)


def etcd_members(host: Host, version: str) -> tuple[str, ...]:
    """The names of etcd's members: `("atlas01",)`. `version` is Kubernetes'."""
    return etcd.members(host.read(f"{ETCD}{etcd_gateway(version)}/cluster/member/list -d '{{}}'"))


def recorded_node_ports(host: Host, version: str) -> str | None:
    """The NodePort range from which the API server allocates, as recorded in etcd: `30000-49999`; None for none.

    `version` is Kubernetes'.
    """
    asked = json.dumps({"key": NODE_PORT_KEY})
    recorded = etcd.value(host.read(f"{ETCD}{etcd_gateway(version)}/kv/range -d %s", asked))
    ports = re.search(rb"[0-9]{1,5}-[0-9]{1,5}", recorded)
    return ports[0].decode() if ports else None


def lease_ages(kube: Kubernetes, version: str, leaders: Sequence[str]) -> dict[str, float]:
    """How long ago each of these leaders in kube-system renewed its lease, in seconds; without those that have none.

    Up to 1.16 the lease is an annotation of an Endpoints object (kubernetes/kubernetes#84084). Unparsable for one that
    has no time.
    """
    leases = kube.list("leases", namespace="kube-system")
    times = {o["metadata"]["name"]: o["spec"].get("renewTime") for o in leases if o["metadata"]["name"] in leaders}
    if kubernetes(version).numbers[:2] < (1, 17):
        endpoints = kube.list("endpoints", namespace="kube-system")
        written = {o["metadata"]["name"]: (o["metadata"].get("annotations") or {}).get(LEADER) for o in endpoints}
        known = {name: text for name in leaders if name not in times and (text := written.get(name))}
        times |= {name: _renewed(text) for name, text in known.items()}
    return {name: (leases.at - objects.instant(time)).total_seconds() for name, time in times.items()}


def _renewed(text: Any) -> object:
    try:
        return json.loads(text)["renewTime"]
    except (ValueError, LookupError, TypeError):
        raise Unparsable(f"{LEADER}: no renewTime in {text[:80]!r}") from None


def system_pods(kube: Kubernetes) -> list[Object]:
    """The pods of kube-system, out of the one list of all pods."""
    return [pod for pod in kube.list("pods") if pod["metadata"]["namespace"] == "kube-system"]


def static_pods(cluster: Cluster, kube: Kubernetes, component: str) -> list[Object]:
    """The pods of a control-plane component on the master."""
    here = [pod for pod in system_pods(kube) if pod["spec"].get("nodeName") == cluster.master.name]
    return [pod for pod in here if label_of(pod, "component") == component]


def component_flags(cluster: Cluster, kube: Kubernetes, component: str) -> dict[str, str] | None:
    """The flags that a component of the control plane runs with: `{"profiling": "false"}`. None when it has no pod."""
    pods = static_pods(cluster, kube, component)
    return objects.flags(pods[0]) if pods else None


def cluster_configuration(kube: Kubernetes) -> dict[str, Any] | None:
    """kubeadm's ClusterConfiguration. None when there is no ConfigMap of it, Unparsable when it is not YAML."""
    stored = kube.get("configmaps", KUBEADM_CONFIG, namespace="kube-system")
    if stored is None:
        return None
    try:
        found = plain_yaml.load(stored["data"]["ClusterConfiguration"])
    except (yaml.YAMLError, LookupError, TypeError):
        raise Unparsable("kubeadm-config: ClusterConfiguration is missing or not YAML") from None
    if not isinstance(found, dict):
        raise Unparsable("kubeadm-config: ClusterConfiguration is not a mapping")
    return found


def label_of(thing: Object, key: str) -> str:
    """The value of a label, or nothing."""
    return str((thing["metadata"].get("labels") or {}).get(key, ""))


def hours_left(token: Object, now: float) -> float:
    """For how long a bootstrap token is good; for ever without an expiration."""
    stamp = (token.get("data") or {}).get("expiration")
    if not stamp:
        return float("inf")
    try:
        text = base64.b64decode(stamp, validate=True).decode()
    except ValueError:
        raise Unparsable(f"expiration of {token['metadata']['name']}: not base64") from None
    return (objects.instant(text).timestamp() - now) / 3600


def last_seen(event: Object) -> datetime:
    """When an event was seen last, by whichever of its stamps is set."""
    series = (event.get("series") or {}).get("lastObservedTime")
    stamps = (series, event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return objects.instant(next((stamp for stamp in stamps if stamp), None))
