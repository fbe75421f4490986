"""D: the platform's services in Kubernetes (runbook 3.16.8 to 3.16.10): one check for each, made from their table."""

from __future__ import annotations

from collections.abc import Callable

from checks.platform import database, files
from checks.platform.images import logins_of
from checks.platform.service_state import runs_check
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.site import Notes
from dlws.engine.targets import platform_cluster
from dlws.kubernetes import apply_plan
from dlws.kubernetes.apply_plan import Effect
from dlws.kubernetes.objects import condition_in_words
from dlws.platform import job_objects
from dlws.platform.services import SERVICES, Service
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

CAUSES: dict[str, list[Callable[..., None]]] = {
    "nginx": [files.test_fqdn_file, files.test_nginx_routes],
    "mysql": [database.test_root_signs_in],
}
"""What explains that a service does not come up, besides its host, its ports and its images: for itself, and under
`mysql` for all that need the database."""


def _of(service: Service) -> Callable[..., None]:
    if service.name == "mysql":
        return database.test_mysql_runs
    needs_mysql = {"mysql", "restfulapi2"} & {service.name, *service.after}
    return runs_check(service, __name__, [*CAUSES.get(service.name, ()), *(CAUSES["mysql"] if needs_mysql else ())])


RUNS: dict[str, Callable[..., None]] = {service.name: _of(service) for service in SERVICES}
"""By service, its check."""
globals().update({function.__name__: function for function in RUNS.values() if function.__module__ == __name__})


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
    wanted = notes.take("digest of the registry's login for jobs", lambda: job_objects.mark(docker_config(cluster)))
    secret = kube.get("secrets", job_objects.PULL_SECRET, namespace=job_objects.NAMESPACE)
    found = "none" if secret is None else job_objects.mark_of(secret)
    expect(f"registry login in Secret {job_objects.PULL_SECRET}", found=found, expected=wanted)


@check(
    "D10",
    section="3.16",
    source="runbook 3.16.9",
    on=platform_cluster,
    severity=Severity.WARNING,
    title_zh="自定义指标 API 可用",
    fix="see kubectl -n custom-metrics logs deploy/custom-metrics-apiserver; its images may be amd64-only",
    causes=[RUNS["custommetrics"]],
)
def test_custom_metrics(kube: Kubernetes) -> None:
    """The Kubernetes custom metrics API is available.

    Upstream's own checker skips it, as jobs run without it.
    """
    found = kube.get("apiservices", "v1beta1.custom.metrics.k8s.io")
    said = "none" if found is None else condition_in_words(found, "Available")
    expect_that(said.startswith("True"), "APIService v1beta1.custom.metrics.k8s.io", found=said, expected="available")


def docker_config(cluster: Cluster) -> str:
    """The logins for jobs' pods; none for a public registry. Unknown when those configured cannot be read."""
    return logins_of(cluster) if cluster.registry_config else job_objects.logins("")
