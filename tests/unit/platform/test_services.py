"""The table of services: consistent in itself, and told apart from a checkout that differs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlws.inventory import Arch
from dlws.platform import manifests, rendering, services, web_files
from dlws.platform.services import Port, Workload
from dlws.upstream.checkout import SERVICES as FOLDER
from tests.kits.checkout import ARM_ONLY, cluster_of, renderer_of, spoilt


def differences(tmp_path: Path, old: str, new: str) -> list[str]:
    name = f"{FOLDER}/openresty/openresty-arm64.yaml"
    text = (Path(__file__).parents[3] / "lab" / "checkout" / name).read_text(encoding="utf-8")
    assert old in text
    cluster = spoilt(tmp_path, name, text.replace(old, new))
    found = manifests.of_service(cluster, rendering.renderer(cluster), "openresty")
    return services.contract(cluster, services.by_name("openresty"), found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: openresty-arm64", "name: resty", "DaemonSet default/openresty-arm64 is not there"),
        ("restfulapi: active", "nginx: active", "would run on atlas01, atlas02, not atlas01"),
        ("app: openresty", "app: resty", "lack the label app=openresty"),
        ("containerPort: 5080", "containerPort: 5081", "listens on 5081 too"),
    ],
)
def test_a_checkout_that_differs_is_said_to(tmp_path: Path, old: str, new: str, message: str) -> None:
    (found,) = differences(tmp_path, old, new)
    assert message in found


def test_a_service_comes_after_what_it_needs() -> None:
    names = [service.name for service in services.SERVICES]
    assert all(names.index(needed) < names.index(s.name) for s in services.SERVICES for needed in s.after)
    assert names.index("custommetrics") < names.index("monitor")


def test_no_two_workloads_of_the_master_want_one_port(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    ports = [p.number for w in services.workloads() if cluster.master in w.nodes(cluster) for p in w.ports]
    assert len(ports) == len(set(ports)) == len(services.host_ports(cluster, cluster.master))


def test_a_worker_gives_ports_to_what_runs_everywhere(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    found = services.host_ports(cluster, cluster.node("atlas-gpu01"))
    assert found == {80: "nginx", 9100: "node-exporter", 9102: "job-exporter"}


def test_objects_are_named_for_the_machines_they_run_on(tmp_path: Path) -> None:
    by_name = {workload.name: workload for workload in services.workloads()}
    mixed, arm = cluster_of(tmp_path), cluster_of(tmp_path, ARM_ONLY)
    assert by_name["job-exporter"].objects(mixed) == ("job-exporter-arm64", "job-exporter")
    assert by_name["job-exporter"].objects(arm) == ("job-exporter-arm64",)
    assert by_name["node-exporter"].objects(mixed) == ("node-exporter",)
    assert by_name["grafana"].objects(mixed) == ("grafana-arm64",)


def test_pods_are_told_apart_by_a_label_that_no_other_workload_has() -> None:
    selectors = [workload.pod_selector(Arch.ARM64) for workload in services.workloads()]
    assert len(selectors) == len(set(selectors))
    assert {"app=custom-user-dashboard-backend-arm64", "app=jobmanager"} <= set(selectors)


def test_every_route_leads_to_a_port_of_its_service() -> None:
    for route in services.ROUTES:
        ports = {p.number for workload in services.by_name(route.service).workloads for p in workload.ports}
        assert route.port is None or route.port in ports


def test_the_checkouts_nginx_has_these_routes(tmp_path: Path) -> None:
    text = web_files.nginx_routes(cluster_of(tmp_path), renderer_of(tmp_path))
    found = dict(re.findall(r"location (\S+) \{[^}]*?(?:proxy_pass http://localhost:(\d+)|root)", text))
    assert found == {route.path: str(route.port or "") for route in services.ROUTES}


@pytest.mark.parametrize("port", [443, 3080, 3083, 5001, 5080, 9093, 9300, 9301, 3307])
def test_a_port_that_dlws_takes_on_the_master_is_reserved(tmp_path: Path, port: int) -> None:
    cluster = cluster_of(tmp_path, ("dockerregistry:", "mysql_port: '3307'\ndockerregistry:"))
    assert port in services.reserved_ports(cluster, cluster.master)


def test_a_worker_keeps_the_ports_of_what_runs_on_the_master(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    reserved = services.reserved_ports(cluster, cluster.workers[0])
    assert {80, 443, 9100, 9102} == reserved.keys()


def test_a_workload_is_reached_at_its_port() -> None:
    assert services.url("grafana") == "http://127.0.0.1:3000"
    with pytest.raises(KeyError, match="kibana is no workload of the platform"):
        services.url("kibana")


def test_an_unknown_service_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="webui9 is no service of the runbook"):
        services.by_name("webui9")


def test_a_selector_can_be_another_label() -> None:
    workload = Workload("x", "Deployment", "default", ports=(Port(1, "x"),), selector="operator=x")
    assert workload.pod_selector(Arch.AMD64) == "operator=x"


@pytest.mark.parametrize(
    ("name", "namespace", "labels", "ours"),
    [
        ("nginx-arm64-x2x7k", "default", {"app": "nginx"}, True),
        ("nginx", "kube-system", {"app": "nginx"}, False),
        ("prometheus-deployment", "kube-system", {}, True),
        ("prometheus-metrics-prometheus", "default", {}, True),
        ("custom-user-dashboard-backend-arm64", "default", {}, True),
        ("job-1", "default", {"app": "job"}, False),
        ("coredns", "kube-system", {"k8s-app": "kube-dns"}, False),
    ],
)
def test_the_platforms_pods_and_workloads_are_told_from_others(
    name: str, namespace: str, labels: dict[str, str], ours: bool
) -> None:
    assert services.is_platforms({"metadata": {"name": name, "namespace": namespace, "labels": labels}}) is ours


def test_alertmanager_belongs_to_the_platform_where_it_is_configured(tmp_path: Path) -> None:
    alerting = ("suite:\n", "alert-manager: {configured: true}\nsuite:\n")
    found = services.workload("alert-manager")
    assert found.objects(cluster_of(tmp_path)) == ()
    assert found.objects(cluster_of(tmp_path, alerting)) == ("alert-manager",)
    assert [n.name for n in found.nodes(cluster_of(tmp_path, alerting))] == ["atlas01"]
