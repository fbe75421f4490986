"""D: what the platform's monitoring says: alerts that fire, and devices as its dashboards count them."""

from __future__ import annotations

from collections.abc import Mapping

from checks.kubernetes import accelerators, nodes
from checks.platform import endpoints
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import platform_device_hosts, platform_master
from dlws.facts import platform
from dlws.facts.accelerators import driver_device_count
from dlws.inventory import Device, Node
from dlws.parse.platform import alerts
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

ABOUT_JOBS = ("idle_gpu", "user_alert", "reaper", "kill_idle_job_email")
"""Values of the label `type` of alerts about users' jobs (upstream alert-manager.yaml, config_alerting.py)."""
ALWAYS = ("k8sApiServerNotOk", "heathy")
"""An alert that fires for good, and its label `error`: the rule wants "ok" of watchdog, which says "heathy" (spelt so)
without having asked (upstream alerting/k8s.rules, watchdog.py). The API server has checks of its own."""


@check(
    "D07",
    section="3.16",
    source="alertmanager API v2",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="Alertmanager 运行且没有集群告警",
    causes=[RUNS["monitor"]],
    fix="kubectl -n kube-system logs deploy/alert-manager; for an alert, see its rule in Prometheus",
)
def test_no_alert_fires(cluster: Cluster, host: Host) -> None:
    """Alertmanager gets Prometheus' alerts and none fires, but for silenced ones, those about jobs, and one for good.

    Upstream's rules have no severity, so every other alert counts.
    """
    if not cluster.settings.has_alertmanager:
        raise NotApplicable("alert-manager.configured is not set: the platform is installed without Alertmanager")
    asked = f"{platform.PROMETHEUS}/api/v1/alertmanagers"
    told = platform.data_of(platform.fetched(host, asked, "Prometheus"), asked)
    receivers = platform.entries(told, "activeAlertmanagers", asked)
    expect_that(receivers, "Alertmanagers that Prometheus sends alerts to", found="none", expected="at least one")
    found = alerts.active(platform.answered(platform.fetch(host, platform.ALERTMANAGER), "Alertmanager"))
    firing = {alert.name for alert in found if not _is_noise(alert)}
    expect("firing alerts", found=firing, expected=set())


@check(
    "D09",
    section="3.16",
    source="upstream watchdog, job-exporter",
    on=platform_device_hosts,
    severity=Severity.WARNING,
    title_zh="监控中的设备数与物理数量一致",
    causes=[
        endpoints.test_prometheus_targets,
        accelerators.test_every_device_is_allocatable,
        nodes.test_node_is_ready,
        nodes.test_node_takes_pods,
    ],
    fix="see kubectl -n kube-system logs of watchdog, and of the host's job-exporter; check npu-info-gen (P23)",
)
def test_devices_are_counted(node: Node, host: Host, master: Host) -> None:
    """Prometheus counts as many devices on the host as its driver sees, and has each NPU's utilization."""
    there = driver_device_count(node, host)
    counted = samples(master, "k8s_node_device_total", {"host_ip": node.address})
    expect_that(counted, f"k8s_node_device_total series of {node.name}", found="none", expected="one")
    expect("devices in k8s_node_device_total", found={f"{s.value:g}" for s in counted}, expected={str(there)})
    if node.device is Device.NPU:
        used = samples(master, "huaweismi_utilization_npu", {"instance": f"{node.address}:{platform.JOB_EXPORTER}"})
        numbers = {sample.labels.get("minor_number") for sample in used}
        expect("NPUs with a huaweismi_utilization_npu series", found=len(numbers), expected=there)


def _is_noise(alert: alerts.Alert) -> bool:
    labels = alert.labels
    return labels.get("type") in ABOUT_JOBS or (labels["alertname"], labels.get("error")) == ALWAYS


def samples(host: Host, metric: str, labels: Mapping[str, str]) -> list[alerts.Sample]:
    """The series of a metric now. Mismatch when Prometheus does not answer."""
    return alerts.samples(platform.answered(platform.fetch(host, platform.query(metric, labels)), "Prometheus"))
