"""Services as objects: what is applied, where it would run, and how it is adapted to the cluster's Kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlws.config import values
from dlws.config.cluster import Cluster
from dlws.platform import manifests, rendering, renderings, services
from dlws.platform.manifests import Manifest
from dlws.platform.templates import TemplateError
from dlws.upstream.checkout import CheckoutError
from tests.kits.checkout import ARM_ONLY, MONITOR, WEBUI3, cluster_of, spoilt


def service(cluster: Cluster, name: str) -> tuple[Manifest, ...]:
    return manifests.of_service(cluster, rendering.renderer(cluster), name)


def pod(manifest: Manifest) -> dict[str, Any]:
    spec: dict[str, Any] = manifest.object["spec"]["template"]["spec"]
    return spec


def test_objects_come_in_launch_order(tmp_path: Path) -> None:
    assert [m.title for m in service(cluster_of(tmp_path), "jobmanager2")] == [
        "ConfigMap default/dlws-scripts",
        "ServiceAccount default/job",
        "Role default/configmap-admin",
        "RoleBinding default/job-configmap-admin",
        "DaemonSet default/jobmanager",
        "DaemonSet default/jobmanager-arm64",
    ]


def test_a_variant_that_no_machine_takes_is_left_out(tmp_path: Path) -> None:
    found = {m.name: m.nodes for m in service(cluster_of(tmp_path), "webui3")}
    assert found == {"webui3": (), "webui3-arm64": ("atlas01",)}
    assert [m.name for m in manifests.placeable(service(cluster_of(tmp_path), "webui3"))] == ["webui3-arm64"]


def test_a_service_of_every_machine_has_both_variants(tmp_path: Path) -> None:
    found = {m.name: m.nodes for m in manifests.placeable(service(cluster_of(tmp_path), "nginx"))}
    assert found == {"nginx": ("atlas-gpu01", "atlas-gpu02"), "nginx-arm64": ("atlas01", "atlas02")}


def test_what_is_there_once_for_all_is_there_on_an_arm64_cluster_too(tmp_path: Path) -> None:
    names = [m.name for m in manifests.placeable(service(cluster_of(tmp_path, ARM_ONLY), "monitor"))]
    assert {"node-exporter", "prometheus-configmap", "grafana-arm64"} <= set(names)
    assert not {"grafana", "job-exporter"} & set(names)


def test_an_amd64_cluster_has_no_arm64_variant_at_all(tmp_path: Path) -> None:
    edits = (("archtype: arm64", "archtype: amd64"), ("type: npu\n    vendor: huawei", "type: cpu"))
    assert [m.name for m in service(cluster_of(tmp_path, *edits), "webui3")] == ["webui3"]


def test_each_machine_is_told_its_images(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    found = manifests.images_by_node(service(cluster, "nginx") + service(cluster, "openresty"))
    assert found["atlas01"] == ("apulistech/nginx:1.9-arm64", "apulistech/atlas_openresty:latest-arm64")
    assert found["atlas-gpu01"] == ("apulistech/nginx:1.9",)


def test_ports_have_their_protocol_which_old_servers_ask_of_an_apply(tmp_path: Path) -> None:
    service_, daemon = service(cluster_of(tmp_path), "mysql")
    assert service_.object["spec"]["ports"] == [{"protocol": "TCP", "port": 3306}]
    assert pod(daemon)["containers"][0]["ports"] == [{"protocol": "TCP", "containerPort": 3306}]


def test_a_variable_that_is_set_twice_is_applied_once(tmp_path: Path) -> None:
    (grafana,) = [m for m in service(cluster_of(tmp_path), "monitor") if m.name == "grafana-arm64"]
    names = [variable["name"] for variable in pod(grafana)["containers"][0]["env"]]
    assert names.count("GF_AUTH_ANONYMOUS_ENABLED") == 1
    assert len(names) == len(set(names)) == 7


def test_pods_tolerate_the_masters_taint_under_its_present_name(tmp_path: Path) -> None:
    socket = ("cni_manifest:", "cri_socket: unix:///run/cri-dockerd.sock\n    cni_manifest:")
    new = service(cluster_of(tmp_path, ("v1.18.0", "v1.24.0"), socket), "webui3")
    old = service(cluster_of(tmp_path), "webui3")
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert [taint in pod(manifest)["tolerations"] for manifest in (*new, *old)] == [True, True, False, False]


def test_an_api_version_that_kubernetes_dropped_is_replaced(tmp_path: Path) -> None:
    (found,) = [m for m in service(cluster_of(tmp_path), "custommetrics") if m.kind == "APIService"]
    assert found.object["apiVersion"] == "apiregistration.k8s.io/v1"


def test_every_object_but_the_api_service_takes_an_apply(tmp_path: Path) -> None:
    found = service(cluster_of(tmp_path), "custommetrics")
    assert [manifest.kind for manifest in found if not manifest.takes_apply] == ["APIService"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "line 2 of what it renders to is not YAML"),
        ("a: !!bool x\n", "what it renders to is not YAML: a value that its tag does not fit"),
        ("- 1\n", "renders to something that is no Kubernetes object"),
        ("kind: DaemonSet\napiVersion: apps/v1\n", "renders to something that is no Kubernetes object"),
        ("kind: DaemonSet\napiVersion: apps/v1\nmetadata: {name: x}\n", "renders to a malformed DaemonSet"),
        (
            "kind: Service\napiVersion: v1\nmetadata: {name: x}\nspec: {ports: [{port: it's}]}\n",
            "renders to a malformed Service: ValueError: invalid literal",
        ),
        ("a: 1\nb: {{cnf['nothing']}}\n", ":2: nothing is missing"),
        ("a: 1\nb: {{cnf['x' }}\n", ":2: broken template"),
    ],
)
def test_a_manifest_that_is_none_names_its_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        service(spoilt(tmp_path, WEBUI3, text), "webui3")
    assert str(caught.value).startswith(WEBUI3)
    assert message in str(caught.value)


def test_dates_stay_text_as_for_kubectl() -> None:
    (found,) = manifests.objects("{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {day: 2020-09-01}}", "x")
    assert found["data"] == {"day": "2020-09-01"}


def test_a_launch_order_stays_in_its_folder(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, f"{MONITOR}/launch_order", "../../../../etc/passwd\n")
    with pytest.raises(CheckoutError, match=r"launch_order: '\.\./.*/etc/passwd' is no plain file name"):
        service(cluster, "monitor")


def test_an_unknown_service_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="no service with a launch_order; there are custom-user-dashboard, "):
        service(cluster_of(tmp_path), "webui9")


@pytest.mark.parametrize("name", [service.name for service in services.SERVICES])
def test_the_stand_in_is_what_stages_and_checks_expect(tmp_path: Path, name: str) -> None:
    cluster = cluster_of(tmp_path)
    assert services.contract(cluster, services.by_name(name), service(cluster, name)) == []


def annotations_of(manifest: Manifest) -> dict[str, str]:
    found: dict[str, str] = manifest.object["spec"]["template"]["metadata"].get("annotations", {})
    return found


def test_a_pod_that_listens_nowhere_is_no_target_of_prometheus(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    repair, jobs = (manifests.placeable(service(cluster, name))[-1] for name in ("repairmanager2", "jobmanager2"))
    assert annotations_of(repair) == {"prometheus.io/path": "/metrics"}
    assert annotations_of(jobs) == {"prometheus.io/path": "/metrics", "prometheus.io/scrape": "true"}


def test_no_account_of_a_namespace_is_given_rights_on_the_cluster(tmp_path: Path) -> None:
    assert not [m.title for m in service(cluster_of(tmp_path), "monitor") if "Role" in m.kind]


ALERTING = (
    "suite:\n",
    "alert-manager: {configured: true, smtp_url: 'm.example.org:25', smtp_from: a@example.org, smtp_auth_username: a,"
    " smtp_auth_password: invented-mail, receiver: b@example.org}\nsuite:\n",
)


def test_every_image_has_a_name_that_docker_takes(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ALERTING)
    every = [m for one in services.SERVICES for m in service(cluster, one.name)]
    assert [image for m in every for image in m.images if not values.is_image_name(image)] == []
    assert renderings.troubles(cluster) == []


def config_map(**files: str) -> Manifest:
    return Manifest("x.yaml", {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": files}, None)


def test_a_config_map_that_is_too_large_is_known_before_it_is_sent() -> None:
    largest = {"a": "x" * (1 << 19), "b": "é" * (1 << 18)}
    assert manifests.refused([config_map(**largest)]) == []
    (line,) = manifests.refused([config_map(**largest, c="y")])
    assert line == "ConfigMap x: 1048577 bytes of files; Kubernetes takes 1048576"


@pytest.mark.parametrize("name", ["a b.json", "数据.json", "..data", ".", "a/b", "x" * 254])
def test_a_file_whose_name_no_config_map_takes_is_named(name: str) -> None:
    (line,) = manifests.refused([config_map(**{name: ""})])
    assert line.startswith("ConfigMap x: Kubernetes takes no file named ")


def test_a_dashboard_with_a_blank_in_its_name_is_a_trouble(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, f"{MONITOR}/grafana-config/my own-dashboard.json", '{"dashboard": {"title": "A"}}')
    assert any("takes no file named" in line for line in renderings.troubles(cluster))
