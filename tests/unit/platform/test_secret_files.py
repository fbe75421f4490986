"""What V0.1.6.1 keeps in a ConfigMap although it holds a password is applied as a Secret."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import Cluster
from dlws.platform import renderings
from dlws.platform.rollout import CONFIGURATION
from tests.kits.checkout import cluster_of
from tests.unit.platform.test_manifests import ALERTING

PASSWORD = "invented-mail"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return cluster_of(tmp_path, ALERTING)


def objects_of(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects of monitor by kind and name."""
    return {(m.kind, m.name): m.object for m in renderings.of(cluster).manifests("monitor")}


def test_no_config_map_of_the_platform_holds_a_secret(cluster: Cluster) -> None:
    telling = [
        name
        for (kind, name), found in objects_of(cluster).items()
        if kind == "ConfigMap" and any(secret and secret in str(found["data"]) for secret in cluster.secrets)
    ]
    assert PASSWORD in cluster.secrets
    assert telling == []


def test_alertmanager_reads_its_configuration_from_a_secret(cluster: Cluster) -> None:
    found = objects_of(cluster)
    text = base64.b64decode(found["Secret", "alert-manager"]["data"]["config.yml"]).decode()
    assert f"smtp_auth_password: {PASSWORD}" in text
    pod = found["Deployment", "alert-manager"]["spec"]["template"]["spec"]
    sources = {volume["name"]: volume.keys() - {"name"} for volume in pod["volumes"]}
    assert sources == {"config-secret": {"secret"}, "templates": {"configMap"}, "storage": {"emptyDir"}}
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["/etc/alertmanager"] == "config-secret"


def test_another_password_is_another_digest(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = cluster_of(tmp_path / "other", (ALERTING[0], ALERTING[1].replace(PASSWORD, "invented-other")))
    first, second = (objects_of(c)["Secret", "alert-manager"]["metadata"]["annotations"] for c in (cluster, other))
    assert first[CONFIGURATION] != second[CONFIGURATION]
