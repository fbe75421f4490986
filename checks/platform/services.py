"""D: the platform's services in Kubernetes (runbook 3.16.8 to 3.16.10): one check for each row of their table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checks.network import pod_traffic
from checks.platform import database, files
from checks.platform.service_check import expect_service, service_check
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import platform_cluster
from dlws.facts import platform_images
from dlws.kubernetes import apply_plan
from dlws.kubernetes.apply_plan import Effect
from dlws.kubernetes.objects import condition_in_words
from dlws.platform import job_objects
from dlws.platform.services import METRICS_API, SERVICES, Service
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes
from dlws.verdict import Severity

CAUSES: dict[str, list[Callable[..., None]]] = {
    "nginx": [files.test_fqdn_file, files.test_nginx_routes],
    "mysql": [database.test_root_signs_in],
}
"""What explains that a service does not come up, besides its host, its ports and its images: for itself, and under
`mysql` for all that need the database."""
READY_WITH = {"repairmanager2": ("jobmanager2",)}
"""By service, those whose ports its pods' readiness probes ask (upstream repairmanager2.yaml: 9200)."""


def check_of_each(services: Iterable[Service]) -> dict[str, Callable[..., None]]:
    """By service, its check."""
    made: dict[str, Callable[..., None]] = {}
    for service in services:
        made[service.name] = _check(service, [made[name] for name in READY_WITH.get(service.name, ())])
    return made


def _check(service: Service, others: Iterable[Callable[..., None]]) -> Callable[..., None]:
    if service.name == "mysql":
        return database.test_mysql_runs
    needs_mysql = {"mysql", "restfulapi2"} & {*service.after}

    @service_check(service, [*CAUSES.get(service.name, ()), *(CAUSES["mysql"] if needs_mysql else ()), *others])
    def runs(cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
        expect_service(service, cluster, kube, notes)

    return runs


RUNS = check_of_each(SERVICES)
"""The checks `nginx_runs`, `monitor_runs` and so on, one for each row of the table in `dlws.platform.services`."""


@check(
    "D28",
    section="3.16",
    source="upstream init-container prebuild",
    on=platform_cluster,
    title_zh="作业所需的服务账号、权限与镜像仓库凭据已就绪",
    fix="-m install --stages job_objects",
)
def test_job_objects(cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
    """The service account, permissions and registry login that job pods need are in place."""
    planned = [apply_plan.planned(manifest, kube.find(manifest)) for manifest in job_objects.account()]
    expect("pending changes for jobs", found=[str(p) for p in planned if p.action is not Effect.KEEP], expected=[])
    secret = kube.get("secrets", job_objects.PULL_SECRET, namespace=job_objects.NAMESPACE)
    found = notes.take(
        f"what Secret {job_objects.PULL_SECRET} holds",
        lambda: platform_images.login_in(secret, cluster) if secret else "none",
    )
    expect(f"registry login in Secret {job_objects.PULL_SECRET}", found=found, expected=job_objects.CONFIGURED)


@check(
    "D10",
    section="3.16",
    source="runbook 3.16.9",
    on=platform_cluster,
    severity=Severity.WARNING,
    title_zh="自定义指标 API 可用",
    fix="see kubectl -n custom-metrics logs deploy/custom-metrics-apiserver; its images may be amd64-only",
    causes=[RUNS["custommetrics"], pod_traffic.test_no_rule_drops_pods, pod_traffic.test_pods_answer],
)
def test_custom_metrics(kube: Kubernetes) -> None:
    """The Kubernetes custom metrics API is available.

    Upstream's own checker skips it, as jobs run without it.
    """
    found = kube.get("apiservices", METRICS_API)
    said = "none" if found is None else condition_in_words(found, "Available")
    expect_that(said.startswith("True"), f"APIService {METRICS_API}", found=said, expected="available")
