"""The hosts of a cluster that runs already, by its kubeconfig: an admin.conf as kubeadm writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from dlws.config import named_file, values
from dlws.facts.control_plane import cluster_configuration
from dlws.facts.nodes import labels_of, nodes_by_name
from dlws.init.listing import BadList, Listed
from dlws.inventory import Role
from dlws.kubernetes.labels import MASTER_TAINTS
from dlws.parse.kubernetes import kubeconfig
from dlws.record.answer import Answer, Unreachable
from dlws.remote.api_server import ApiServer
from dlws.remote.connection import Connection
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Unknown, Unparsable

REACH_IT: Final = (
    "run it where the API server can be reached; where its name does not resolve, write its address into `server:` of a"
    " copy of the file"
)
"""kubeadm's admin.conf names the control plane's endpoint, often by a name that only the hosts know; the server's
certificate has its address, too."""


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster that runs: its nodes, and the keys of config.yaml that its own settings decide."""

    hosts: list[Listed]
    settings: dict[str, Any]


def asked(file: Path) -> Running:
    """The cluster that a kubeconfig leads to. Raises BadList when the file is none, or its server cannot be asked."""
    try:
        config = kubeconfig.parse(named_file.text(file))
        kube = Kubernetes(ApiServer(file, config.name, _no_way), _Unrecorded())
        return running(kube, file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadList(f"{file}: {getattr(error, 'strerror', None) or 'not text'} (name an admin.conf)") from None
    except Unparsable as error:
        raise BadList(f"{file}: {error} (name an admin.conf as kubeadm writes it)") from None
    except Unknown as error:
        raise BadList(f"{file}: {error} ({REACH_IT})") from None


def running(kube: Kubernetes, source: str) -> Running:
    """The cluster behind an API. Raises Unknown, and BadList for a node that no machine of config.yaml can be."""
    nodes = nodes_by_name(kube)
    if not nodes:
        raise BadList(f"{source}: the cluster has no node (name the hosts with --hosts)")
    hosts = [_listed(name, node, source) for name, node in nodes.items()]
    masters = [host.name for host in hosts if host.role is Role.INFRASTRUCTURE]
    if len(masters) > 1:
        raise BadList(
            f"{source}: {', '.join(masters)} are masters, and only one is supported (name the hosts with --hosts)"
        )
    stored = cluster_configuration(kube) or {}
    networking = stored.get("networking") or {}
    wanted = {
        "service_cluster_ip_range": networking.get("serviceSubnet"),
        "pod_ip_range": networking.get("podSubnet"),
        "k8s-gitbranch": stored.get("kubernetesVersion"),
    }
    return Running(hosts, {key: str(value) for key, value in wanted.items() if value})


def _listed(name: str, node: Any, source: str) -> Listed:
    addresses = [one["address"] for one in node["status"].get("addresses", ()) if one["type"] == "InternalIP"]
    if not addresses:
        raise BadList(f"{source}: node {name} has no InternalIP (name the hosts with --hosts)")
    master = any(key in labels_of(node) for key in MASTER_TAINTS)
    try:
        values.machine_name(name)
        return Listed(values.address(addresses[0]), source, name, Role.INFRASTRUCTURE if master else Role.WORKER)
    except PydanticCustomError as error:
        raise BadList(f"{source}: node {(error.context or {})['message']} (name the hosts with --hosts)") from None


def _no_way() -> Connection:
    raise Unreachable("there is no other way to it yet")


class _Unrecorded:
    """Where the answers go: nowhere, because there is no run that they are evidence of."""

    def record(self, host: str, answer: Answer, kind: Any) -> str:
        """Nothing is recorded."""
        return ""

    def record_failure(self, host: str, command: str, error: Unknown) -> str:
        """Nothing is recorded."""
        return ""

    def use(self, reference: str) -> None:
        """Nothing is recorded."""
