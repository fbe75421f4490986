"""D: whether the platform's services answer on their hosts: ports, NGINX's routes, REST, Prometheus, sign-in."""

from __future__ import annotations

import json
import re
from typing import Any

from checks.network import names, platform_ports
from checks.platform import database
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.config.lint import JWT_PLACEHOLDER
from dlws.engine.check import Mismatch, check, expect, expect_that
from dlws.engine.targets import platform_hosts, platform_master
from dlws.inventory import Node
from dlws.parse.text import unparsable
from dlws.platform import services
from dlws.remote.host import Host
from dlws.upstream import service_token
from dlws.verdict import Severity, Unknown

PATIENCE = 5
NO_ANSWER = (7, 22, 28, 52, 56)
"""curl's exit statuses of a server that does not answer as it must: refused, an HTTP error, time-out, hung up."""
STATUSES = f"curl -sS -m {PATIENCE} -o /dev/null -w '%%{{http_code}}\\n' %s"
FETCH = f"curl -fsS -m {2 * PATIENCE} %s"
PROMETHEUS = "http://127.0.0.1:9091/prometheus"
REST = "http://127.0.0.1/apis"
BEHIND_NGINX = ("webui3", "restfulapi2", "openresty", "custom-user-dashboard")
FRONT_PATHS = frozenset({"/", "/dashboard/index.html"})
"""What a person opens."""
PORT_TAKEN = (names.test_apache_is_off, platform_ports.test_host_ports)
"""What has a service's port answers in its place."""
GOOD = ("200",)
FRONT = ("200", "301", "302", "303", "307", "308")
NOBODY_THERE = frozenset({"000", "500", "502", "503", "504"})
"""Statuses with which nginx says that it got nothing good from a backend; 000 is curl's for no answer at all."""


@check(
    "D01",
    section="3.16",
    source="upstream check_service.py",
    on=platform_master,
    title_zh="Web 界面及 NGINX 各路由可访问",
    fix="see kubectl logs of the pod behind the named path; run nginx -t in the NGINX pod",
    causes=[*(RUNS[name] for name in ("nginx", *BEHIND_NGINX)), database.test_root_signs_in, *PORT_TAKEN],
)
def test_routes_answer(host: Host) -> None:
    """The web interface and every service with an NGINX route answer through NGINX."""
    wrong = []
    for route in services.ROUTES:
        path = "/dashboard/index.html" if route.port is None else route.path
        code = status(host, f"http://127.0.0.1{path}")
        if code in NOBODY_THERE or (path in FRONT_PATHS and code not in FRONT):
            wrong.append(f"{path} ({route.service}): {code}")
    expect("paths without a good answer", found=wrong, expected=[])


@check(
    "D08",
    section="3.16",
    source="upstream check_service.py",
    on=platform_hosts,
    title_zh="本机各 DLWS 服务健康检查通过",
    fix="see kubectl logs of the named service's pod on this host",
    causes=[*RUNS.values(), *PORT_TAKEN],
)
def test_services_answer(node: Node, cluster: Cluster, host: Host) -> None:
    """Every service on the host that has a health endpoint reports itself healthy."""
    wrong = [
        f"{port.what} at {port.number}{port.health}: {code}"
        for workload in services.workloads()
        if node in workload.nodes(cluster)
        for port in workload.ports
        if port.health and (code := status(host, f"http://127.0.0.1:{port.number}{port.health}")) not in GOOD
    ]
    expect("services whose health endpoint does not return 200", found=wrong, expected=[])


@check(
    "D02",
    section="3.16",
    source="upstream REST API",
    on=platform_master,
    title_zh="REST API 冒烟测试通过",
    fix="see kubectl logs of the restfulapi pod; it needs the database (D03) and /etc/RestfulAPI (D23)",
    causes=[RUNS["restfulapi2"], RUNS["nginx"], database.test_root_signs_in, *PORT_TAKEN],
)
def test_rest_api(cluster: Cluster, host: Host) -> None:
    """The REST API, through NGINX, lists the default virtual cluster, the devices and the cluster status."""
    default = cluster.settings.virtual_cluster
    asked = f"{REST}/ListVCs?userName=Administrator"
    found = fetched(host, asked, "REST API ListVCs")
    names = sorted({str(vc.get("vcName")) for vc in entries(found, "result", asked)})
    expect_that(default in names, "virtual clusters", found=names, expected=f"{default} among them")
    for path in ("GetAllDevice", "GetClusterStatus"):
        fetched(host, f"{REST}/{path}?userName=Administrator", f"REST API {path}")


@check(
    "D05",
    section="3.16",
    source="grafana /api/health",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="Grafana 数据库正常",
    fix="kubectl -n kube-system logs deploy/grafana",
    causes=[RUNS["monitor"]],
)
def test_grafana(host: Host) -> None:
    """Grafana reports its database as healthy."""
    found = fetched(host, "http://127.0.0.1:3000/api/health", "Grafana")
    expect("Grafana's database", found=str(found.get("database")), expected="ok")


@check(
    "D06",
    section="3.16",
    source="prometheus /api/v1/targets",
    on=platform_master,
    title_zh="Prometheus 采集目标全部正常",
    fix="curl the named address on its host; see kubectl logs of its pod",
    causes=[RUNS["monitor"], database.test_root_signs_in],
)
def test_prometheus_targets(host: Host) -> None:
    """Prometheus has at least one target and scrapes every one of them."""
    asked = f"{PROMETHEUS}/api/v1/targets"
    targets = entries(data_of(fetched(host, asked, "Prometheus"), asked), "activeTargets", asked)
    expect_that(targets, "Prometheus targets", found="none", expected="at least one")
    down = [
        f"{t.get('scrapeUrl')}: {t.get('lastError') or t.get('health')}" for t in targets if t.get("health") != "up"
    ]
    expect("Prometheus targets that are not up", found=sorted(down), expected=[])


@check(
    "D41",
    section="3.16",
    source="upstream alerting rules",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="Prometheus 告警规则已加载且求值正常",
    fix="kubectl -n kube-system logs deploy/prometheus-deployment -c prometheus",
    causes=[RUNS["monitor"]],
)
def test_prometheus_rules(host: Host) -> None:
    """Prometheus has loaded its alerting rules and evaluates all of them without error."""
    asked = f"{PROMETHEUS}/api/v1/rules"
    groups = entries(data_of(fetched(host, asked, "Prometheus"), asked), "groups", asked)
    rules = [rule for group in groups for rule in entries(group, "rules", asked)]
    expect_that(rules, "Prometheus rules", found="none", expected="at least one")
    broken = [f"{r.get('name')}: {r.get('lastError') or r.get('health')}" for r in rules if r.get("health") == "err"]
    expect("Prometheus rules that cannot be evaluated", found=sorted(broken), expected=[])


@check(
    "D40",
    section="3.16",
    source="upstream nginx-jwt-cookie.lua",
    on=platform_master,
    title_zh="OpenResty 与配置使用同一 JWT 密钥",
    fix="build the openresty image with the configured jwt.secret_key, or use a prebuilt one that contains it",
    causes=[RUNS["openresty"]],
)
def test_sign_in_key(cluster: Cluster, host: Host) -> None:
    """OpenResty accepts a token signed with jwt.secret_key and rejects a request without a token."""
    url = "http://127.0.0.1:5080/endpoints/grafana/"
    without = status(host, url)
    expect("request without a token", found=without, expected="401")
    signed = service_token.service_token(str((cluster.document.get("jwt") or {}).get("secret_key") or JWT_PLACEHOLDER))
    answer = host.feed([0, *NO_ANSWER], f"{STATUSES} -K -", url, stdin=f'header = "Cookie: token={signed}"\n')
    code = code_of(answer.text, url)
    expect_that(
        code not in ("401", "403", *NOBODY_THERE),
        "request with a token signed with jwt.secret_key",
        found=code,
        expected="accepted",
    )


def status(host: Host, url: str) -> str:
    """The HTTP status with which a URL is answered on the host, 000 for no answer."""
    return code_of(host.run_expect([0, *NO_ANSWER], STATUSES, url).stdout, url)


def code_of(text: str, url: str) -> str:
    """The status that curl printed."""
    if not re.fullmatch(r"[0-9]{3}\s*", text):
        raise unparsable(f"curl {url}", text)
    return text.strip()


def fetched(host: Host, url: str, what: str) -> dict[str, Any]:
    """The JSON object behind a URL. Mismatch when it is not answered with 200, Unparsable for anything else."""
    result = host.run_expect([0, *NO_ANSWER], FETCH, url)
    if result.rc:
        raise Mismatch(
            what, found=result.stderr.strip()[-200:] or f"curl exit status {result.rc}", expected="an answer"
        )
    try:
        found = json.loads(result.stdout)
    except ValueError:
        raise unparsable(what, result.stdout, "not JSON, or cut off") from None
    if not isinstance(found, dict):
        raise unparsable(what, result.stdout, "not a JSON object")
    return found


def data_of(found: dict[str, Any], asked: str) -> dict[str, Any]:
    """What Prometheus' API answers with."""
    data = found.get("data")
    if found.get("status") != "success" or not isinstance(data, dict):
        raise Unknown(f"{asked}: {found.get('error') or 'no data'}")
    return data


def entries(found: dict[str, Any], key: str, asked: str) -> list[dict[str, Any]]:
    """The objects of a list in an answer."""
    listed = found.get(key)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise unparsable(asked, why=f"no list {key!r}")
    return listed
