"""A pod is ready when its port serves: what is given a probe, and which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlws.platform import renderings, services
from tests.kits.checkout import cluster_of


def probes(folder: Path, service: str, name: str) -> dict[str, Any]:
    found = next(m for m in renderings.of(cluster_of(folder)).manifests(service) if m.name == name and m.nodes)
    containers = found.object["spec"]["template"]["spec"]["containers"]
    return {c["name"]: c["readinessProbe"] for c in containers if "readinessProbe" in c}


def test_a_pod_without_a_probe_is_asked_at_its_health_path(tmp_path: Path) -> None:
    (asked,) = probes(tmp_path, "nginx", "nginx-arm64").values()
    assert asked["httpGet"] == {"path": "/html/index.html", "port": 80}
    found = probes(tmp_path, "monitor", "prometheus-deployment-arm64")
    assert {name: probe["httpGet"]["port"] for name, probe in found.items()} == {"prometheus": 9091}


def test_upstreams_own_probe_stays(tmp_path: Path) -> None:
    (asked,) = probes(tmp_path, "jobmanager2", "jobmanager-arm64").values()
    assert asked["tcpSocket"] == {"port": 9200}


def test_mysql_is_not_asked_as_it_would_lock_the_asker_out(tmp_path: Path) -> None:
    assert probes(tmp_path, "mysql", "mysql") == {}


@pytest.mark.parametrize("service", services.SERVICES, ids=lambda service: service.name)
def test_no_pod_on_a_hosts_network_is_ready_before_its_port(tmp_path: Path, service: services.Service) -> None:
    for manifest in renderings.of(cluster_of(tmp_path)).manifests(service.name):
        if manifest.nodes and manifest.object["spec"]["template"]["spec"].get("hostNetwork"):
            containers = manifest.object["spec"]["template"]["spec"]["containers"]
            assert manifest.name == "mysql" or any("readinessProbe" in c for c in containers), manifest.title
