"""D: what Grafana shows, and to whom it obeys."""

from __future__ import annotations

from collections import Counter

from checks.platform import endpoints
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import platform_master
from dlws.facts import platform, rendered
from dlws.platform import grafana
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Severity, Unknown

SEARCH = f"{platform.GRAFANA}/api/search?type=dash-db&limit=5000"
SOURCE = f"{platform.GRAFANA}/api/datasources/proxy/1/api/v1/query?query=up"
"""A question to the only data source, as a panel asks it; its id is 1, because the database is new with each pod."""
PUBLISHED = f"{platform.GRAFANA.replace('//', '//admin:admin@')}/api/org"
"""Grafana's own organisation, as the administrator with the password that every Grafana starts with."""
SOURCES = f"{platform.GRAFANA}/api/datasources"
"""What nobody but an administrator of the organisation may see (Grafana's HTTP API, Data source)."""

REFUSED = ("401", "403")


@check(
    "D50",
    section="3.16",
    source="upstream run-grafana.sh",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="Grafana 中有平台的全部仪表盘",
    fix="see `install failed` in kubectl -n kube-system logs deploy/grafana (grafana-arm64 on an arm64 master)",
    causes=[RUNS["monitor"], endpoints.test_grafana],
)
def test_grafana_has_the_dashboards(cluster: Cluster, host: Host, notes: Notes) -> None:
    """Grafana has every dashboard of the checkout; its image puts them in one by one, and goes on without one."""
    given = rendered.ask(notes, "dashboards", cluster, lambda p: grafana.dashboards(p.manifests("monitor")))
    answer = platform.answered(platform.fetch(host, SEARCH), "Grafana's list of dashboards")
    found = [str(entry.get("title")) for entry in platform.json_list(answer, SEARCH)]
    missing = sorted((Counter(given) - Counter(found)).elements())
    expect("dashboards that Grafana does not have", found=missing, expected=[])


@check(
    "D51",
    section="3.16",
    source="upstream prom-datasource.json",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="Grafana 的数据源可以查询",
    fix="grafana.prometheus-ip must be where Prometheus is, seen from the master; see kubectl logs of grafana's pod",
    causes=[RUNS["monitor"], endpoints.test_grafana, endpoints.test_prometheus_targets],
)
def test_grafana_reaches_its_data_source(host: Host) -> None:
    """Grafana's data source answers a question, asked as a dashboard asks it."""
    found = platform.fetched(host, SOURCE, "question to Grafana's data source")
    expect("answer of Grafana's data source", found=str(found.get("status")), expected="success")


@check(
    "D52",
    section="3.16",
    source="Grafana security.admin_password",
    on=platform_master,
    title_zh="Grafana 管理员不使用默认密码，匿名访问者不是管理员",
    fix="run pytest -m install --stages monitor: it gives Grafana a password of this cluster's own; for visitors set"
    " GF_AUTH_ANONYMOUS_ORG_ROLE to Viewer in your checkout's grafana.yaml first",
    causes=[RUNS["monitor"], endpoints.test_grafana],
)
def test_grafana_has_no_published_password(host: Host) -> None:
    """Nobody is Grafana's administrator without a password, or with the one that every Grafana starts with."""
    for url, what, expected in (
        (PUBLISHED, "sign-in to Grafana as admin:admin", "401"),
        (SOURCES, "visit of Grafana's administration without a sign-in", "403"),
    ):
        code = platform.status(host, url)
        if code not in ("200", *REFUSED):
            raise Unknown(f"Grafana answers {code} to a {what.partition(' ')[0]}, so nobody knows whom it lets in")
        expect_that(code in REFUSED, what, found=code, expected=expected)
