"""Grafana's administrator has the cluster's own password; its dashboards are known by their titles."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from dlws.platform import grafana, own_secrets, renderings
from dlws.platform.renderings import Platform
from tests.kits.checkout import cluster_of


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return renderings.of(cluster_of(tmp_path))


def found(platform: Platform, kind: str, name: str) -> dict[str, Any]:
    return next(m.object for m in platform.manifests("monitor") if (m.kind, m.name) == (kind, name))


def container(platform: Platform) -> dict[str, Any]:
    deployment = found(platform, "Deployment", "grafana-arm64")
    first: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return first


def test_the_administrator_has_the_clusters_own_password(platform: Platform) -> None:
    secret = found(platform, "Secret", grafana.SECRET)
    password = base64.b64decode(secret["data"]["password"]).decode()
    assert password == platform.renderer.cnf[own_secrets.GRAFANA]
    assert len(password) == 32
    assert secret["metadata"]["namespace"] == "kube-system"


def test_server_and_installer_read_it_from_the_secret(platform: Platform) -> None:
    read = {v["name"]: v["valueFrom"] for v in container(platform)["env"] if "valueFrom" in v}
    reference = {"secretKeyRef": {"name": "grafana-admin", "key": "password"}}
    assert read == {"GF_SECURITY_ADMIN_PASSWORD": reference, "PASSWORD": reference}


def test_the_secret_is_applied_before_the_pod_that_needs_it(platform: Platform) -> None:
    names = [(m.kind, m.name) for m in platform.manifests("monitor")]
    assert names.index(("Secret", "grafana-admin")) < names.index(("Deployment", "grafana-arm64"))


def test_another_password_replaces_the_pod(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    edit = ("invented-for-tests", "Aq5-another-one")
    other = renderings.of(cluster_of(tmp_path / "other", edit))
    mark = "dlws-suite/administrator"
    first, second = (
        found(p, "Deployment", "grafana-arm64")["spec"]["template"]["metadata"]["annotations"][mark]
        for p in (platform, other)
    )
    assert first != second


def test_the_password_is_in_no_pod_and_no_config_map(platform: Platform) -> None:
    others = [m.object for m in platform.manifests("monitor") if m.kind != "Secret"]
    assert platform.renderer.cnf[own_secrets.GRAFANA] not in str(others)


def test_all_seventeen_dashboards_of_upstream_are_known_by_title(platform: Platform) -> None:
    titles = grafana.dashboards(platform.manifests("monitor"))
    assert len(titles) == len(set(titles)) == 17
    assert {"Cluster Status", "device Usage", "DLTS VC Statistics"} <= set(titles)
    assert "PM" not in titles  # the data source
