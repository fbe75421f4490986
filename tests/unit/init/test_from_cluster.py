"""`--from-cluster`: the nodes of a cluster that runs, and what its own settings decide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlws.init import from_cluster
from dlws.init.listing import BadList
from dlws.inventory import Role
from dlws.remote.api_server import ApiServer
from tests.kits.api import FakeApi

MASTER = {"node-role.kubernetes.io/master": ""}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """An API server whose name resolves."""
    monkeypatch.setattr(from_cluster, "ApiServer", lambda file, name, way: ApiServer(file, "127.0.0.1", way))
    with FakeApi(tmp_path) as running:
        running.on("/api/v1/namespaces/kube-system/configmaps/kubeadm-config", stored())
        yield running


def node(name: str, address: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    addresses = [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {}, "status": {"addresses": addresses}}


def has_nodes(api: FakeApi, *nodes: dict[str, Any]) -> None:
    api.on("/api/v1/nodes?limit=500", {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": list(nodes)})


def stored() -> dict[str, Any]:
    text = "kubernetesVersion: v1.20.2\nnetworking: {podSubnet: 10.12.0.0/16, serviceSubnet: 10.13.0.0/16}\n"
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {}, "data": {"ClusterConfiguration": text}}


def test_nodes_are_hosts_and_the_labels_tell_the_master(api: FakeApi) -> None:
    has_nodes(api, node("atlas02", "192.168.3.2", MASTER), node("gpu01", "192.168.3.4"))
    found = from_cluster.asked(api.admin_conf)
    assert [(host.name, host.address, host.role) for host in found.hosts] == [
        ("atlas02", "192.168.3.2", Role.INFRASTRUCTURE),
        ("gpu01", "192.168.3.4", Role.WORKER),
    ]
    assert found.settings == {
        "service_cluster_ip_range": "10.13.0.0/16",
        "pod_ip_range": "10.12.0.0/16",
        "k8s-gitbranch": "v1.20.2",
    }


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "has no node"),
        ([node("a", "192.168.3.2", MASTER), node("b", "192.168.3.3", MASTER)], "a, b are masters, and only one"),
        ([node("Big", "192.168.3.2")], 'node "Big" is no host name'),
        ([node("a", "fe80::1")], "is no IPv4 address"),
        ([{"metadata": {"name": "a"}, "status": {}}], "node a has no InternalIP"),
    ],
)
def test_nodes_that_no_machine_can_be_are_one_line(found: list[dict[str, Any]], why: str, api: FakeApi) -> None:
    has_nodes(api, *found)
    with pytest.raises(BadList, match=why) as caught:
        from_cluster.asked(api.admin_conf)
    assert "\n" not in str(caught.value)


def test_a_cluster_that_cannot_be_asked_is_one_line(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(BadList, match=r"run it where the API server can be reached; .* its address into `server:`"):
        from_cluster.asked(api.admin_conf)
    (tmp_path / "other").write_text("kind: Config\n")
    with pytest.raises(BadList, match="as kubeadm writes it"):
        from_cluster.asked(tmp_path / "other")
