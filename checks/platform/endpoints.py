"""D: whether the platform's services answer on their hosts: ports, NGINX's routes, REST, Prometheus, sign-in."""

from __future__ import annotations

from urllib.parse import urlsplit

from checks.network import names, platform_ports
from checks.platform import database
from checks.platform.services import RUNS
from checks.storage import shares
from dlws.config.cluster import Cluster
from dlws.config.lint import JWT_PLACEHOLDER
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import platform_hosts, platform_master
from dlws.facts import platform, rendered
from dlws.inventory import Node
from dlws.kubernetes import objects
from dlws.platform import services, web_files
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes
from dlws.upstream import service_token
from dlws.verdict import Severity, Unknown

NOT_ASKED = "unknown"
"""The health of a target that Prometheus knows and has not asked yet; it asks every 30 s (upstream prometheus.yaml).
Of a rule, that it has not been evaluated since Prometheus began."""
FRONT_PATHS = frozenset({"/", "/dashboard/index.html"})
"""What a person opens."""
PORT_TAKEN = (names.test_apache_is_off, platform_ports.test_host_ports)
"""What has a service's port answers in its place."""
SHARE_DEAD = (shares.test_shares_are_exported, shares.test_shares_answer)
"""node-exporter asks every mounted file system how full it is, and answers nobody while it waits for a dead share."""
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
    causes=[*(RUNS[name] for name in ("nginx", *services.BEHIND_NGINX)), database.test_root_signs_in, *PORT_TAKEN],
)
def test_routes_answer(host: Host) -> None:
    """The web interface and every service with an NGINX route answer through NGINX."""
    wrong = []
    for route in services.ROUTES:
        path = "/dashboard/index.html" if route.port is None else route.path
        code = platform.status(host, f"http://127.0.0.1{path}")
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
    causes=[*SHARE_DEAD, *RUNS.values(), *PORT_TAKEN],
)
def test_services_answer(node: Node, cluster: Cluster, host: Host) -> None:
    """Every service on the host that has a health endpoint reports itself healthy."""
    wrong = [
        f"{port.what} at {port.number}{port.health}: {code}"
        for workload in services.workloads()
        if workload.runs_on(cluster, node)
        for port in workload.ports
        if port.health and (code := platform.status(host, f"http://127.0.0.1:{port.number}{port.health}")) not in GOOD
    ]
    expect("services whose health endpoint does not return 200", found=wrong, expected=[])


@check(
    "D02",
    section="3.16",
    source="upstream REST API",
    on=platform_master,
    title_zh="REST API 冒烟测试通过",
    fix="see kubectl logs of the restfulapi pod; it needs MySQL (D03), /etc/RestfulAPI (D23), the user dashboard (D39)",
    causes=[
        *(RUNS[name] for name in ("restfulapi2", "nginx", "custom-user-dashboard")),  # which counts the users of a VC
        database.test_root_signs_in,
        *PORT_TAKEN,
    ],
)
def test_rest_api(cluster: Cluster, host: Host) -> None:
    """The REST API, through NGINX, lists the default virtual cluster, the devices and the cluster status."""
    default = cluster.settings.virtual_cluster
    asked = f"{platform.REST}/ListVCs?userName=Administrator"
    found = platform.fetched(host, asked, "REST API ListVCs")
    names = sorted({str(vc.get("vcName")) for vc in platform.entries(found, "result", asked)})
    expect_that(default in names, "virtual clusters", found=names, expected=f"{default} among them")
    for path in ("GetAllDevice", "GetClusterStatus"):
        platform.fetched(host, f"{platform.REST}/{path}?userName=Administrator", f"REST API {path}")


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
    found = platform.fetched(host, f"{services.url('grafana')}/api/health", "Grafana")
    expect("Grafana's database", found=str(found.get("database")), expected="ok")


@check(
    "D06",
    section="3.16",
    source="prometheus /api/v1/targets",
    on=platform_master,
    title_zh="每台主机均有 Prometheus 采集目标且全部正常",
    fix="curl the named address on its host; see kubectl logs of its pod; for a host without a target, of"
    " prometheus-deployment, and the annotations prometheus.io/scrape of node-exporter's pods",
    causes=[*SHARE_DEAD, RUNS["monitor"], database.test_root_signs_in],
)
def test_prometheus_targets(cluster: Cluster, host: Host, kube: Kubernetes) -> None:
    """Prometheus has a target on every ready host, where node-exporter is, and scrapes every one of them.

    It finds its targets by itself; what it does not find, because a label or a right is gone, is never down.
    """
    asked = f"{platform.PROMETHEUS}/api/v1/targets"
    targets = platform.entries(
        platform.data_of(platform.fetched(host, asked, "Prometheus"), asked), "activeTargets", asked
    )
    expect_that(targets, "Prometheus targets", found="none", expected="at least one")
    health = [(str(t.get("scrapeUrl")), t.get("health"), t.get("lastError")) for t in targets]
    asked_of = {urlsplit(url).hostname for url, *_ in health}
    ready = objects.ready_names(kube.list("nodes"))
    bare = [node.name for node in cluster.nodes if node.name in ready and node.address not in asked_of]
    down = [f"{url}: {error or state}" for url, state, error in health if state not in ("up", NOT_ASKED)]
    expect("Prometheus targets that are not up", found=sorted(down), expected=[])
    expect("hosts without a Prometheus target", found=bare, expected=[])
    if waiting := sorted(url for url, state, _ in health if state == NOT_ASKED):
        raise Unknown(f"Prometheus has not yet asked {', '.join(waiting)}, a pod that has just begun: ask in a minute")


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
    asked = f"{platform.PROMETHEUS}/api/v1/rules"
    groups = platform.entries(platform.data_of(platform.fetched(host, asked, "Prometheus"), asked), "groups", asked)
    rules = [rule for group in groups for rule in platform.entries(group, "rules", asked)]
    expect_that(rules, "Prometheus rules", found="none", expected="at least one")
    broken = [f"{r.get('name')}: {r.get('lastError') or r.get('health')}" for r in rules if r.get("health") == "err"]
    expect("Prometheus rules that cannot be evaluated", found=sorted(broken), expected=[])
    waiting = [str(rule.get("name")) for rule in rules if rule.get("health") == NOT_ASKED]
    expect("Prometheus rules not evaluated yet, which takes a minute", found=sorted(waiting), expected=[])


@check(
    "D40",
    section="3.16",
    source="upstream nginx-jwt-cookie.lua",
    on=platform_master,
    title_zh="OpenResty 与配置使用同一 JWT 密钥",
    fix="build the openresty image with the configured jwt.secret_key, or use a prebuilt one that contains it, or write"
    " that of the prebuilt one into config.yaml",
    causes=[RUNS["openresty"]],
)
def test_sign_in_key(cluster: Cluster, host: Host) -> None:
    """OpenResty accepts a token signed with jwt.secret_key and rejects a request without a token."""
    url = f"{services.url('openresty')}/endpoints/grafana/"
    without = platform.status(host, url)
    expect("request without a token", found=without, expected="401")
    key = cluster.settings.jwt.secret_key if cluster.settings.jwt else JWT_PLACEHOLDER
    code = platform.status_with_token(host, url, service_token.service_token(key))
    expect_that(
        code not in ("401", "403", *NOBODY_THERE),
        "request with a token signed with jwt.secret_key",
        found=code,
        expected="accepted",
    )


@check(
    "D47",
    section="3.15",
    source="upstream dashboard/server user.js",
    on=platform_master,
    title_zh="Web 服务可按 local.yaml 中的地址访问其他服务",
    fix="see what the name in the address leads to on this host (getent hosts NAME), and what answers there",
    causes=[
        *(RUNS[name] for name in ("nginx", "restfulapi2", "custom-user-dashboard")),
        database.test_root_signs_in,
        test_routes_answer,
        *PORT_TAKEN,
    ],
)
def test_services_find_each_other(cluster: Cluster, host: Host, notes: Notes) -> None:
    """The services answer the web interface's server at the addresses that local.yaml names."""
    question = "addresses between services"
    asked = rendered.ask(notes, question, cluster, lambda p: list(web_files.inner_addresses(cluster, p.renderer)))
    codes = {url: platform.status(host, url) for url in asked}
    silent = [f"{url}: {code}" for url, code in codes.items() if code in NOBODY_THERE]
    expect("addresses in local.yaml without a good answer", found=silent, expected=[])
