"""D: what V0.1.6.1 leaves open or gives one value for all clusters; what cannot be closed is a deviation to sign."""

from __future__ import annotations

import base64

from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import platform_control, platform_master
from dlws.facts import platform, rendered
from dlws.facts.listeners import listening_sockets
from dlws.platform import services, web_files
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Unknown

CLOSED = ("401", "403", "404")
REST_API = services.workload("restfulapi").ports[0]
_PORT = base64.b64encode(str(REST_API.number).encode()).decode()
OWN = f"{services.url('restfulapi')}{REST_API.health}"
OPEN_ROUTE = f"{services.url('openresty')}/endpoints/v2/{_PORT}{REST_API.health}"
"""The REST API by way of openresty, without a token: the port stands in the path in base64 (upstream nginx.conf)."""
OPENED = ("/var/log/restfulapi", "/data/prometheus/data")
"""Folders of the master that V0.1.6.1's pods give mode 0777 at each start (docker-images/restfulapi2/run.sh, the init
container of services/monitor/prometheus.yaml)."""
UNGUARDED = {REST_API.number: REST_API.what} | {
    port.number: "Redis" for workload in services.workloads() for port in workload.ports if port.what == "redis"
}
"""By port, servers of V0.1.6.1 on the master's own network that ask nobody for a password: the REST API takes the
user's name from the URL (RestAPI/dlwsrestapi.py), Redis is started without one (services/jobmanager2,
services/custom-user-dashboard)."""
STICKY, EVERYBODYS = 0o1000, 0o002


@check(
    "D45",
    section="3.16",
    source="upstream openresty nginx.conf",
    on=platform_master,
    title_zh="未携带令牌者不能经 OpenResty 访问本机任意端口",
    fix="use suite.images: build, or add the limit to NodePorts to the location /endpoints/v2/ of your openresty image",
    causes=[RUNS["openresty"]],
    deviation="V0.1.6.1's openresty asks for no token at /endpoints/v2/, where inference services answer, and sends to "
    "any local port: whoever reaches port 80 is any user of the REST API",
)
def test_no_port_is_open_without_a_token(host: Host) -> None:
    """OpenResty leads nobody without a token to a port of the host that is not a job's NodePort."""
    code = platform.status(host, OPEN_ROUTE)
    if code == "000":
        raise Unknown("openresty does not answer, so nobody knows whom it lets in")
    if code == "404" and platform.status(host, OWN) in ("000", "404"):
        raise Unknown("the REST API has nothing at that address, so nobody knows who said 404")
    expect_that(
        code in CLOSED, "request to the REST API's port without a token", found=code, expected=" or ".join(CLOSED)
    )


@check(
    "D46",
    section="3.15",
    source="upstream template/UserDashboard/local.config",
    on=platform_control,
    title_zh="DLWS 配置文件中的机密为本集群独有",
    fix="SECRET_KEY can be changed only before the first user has a password: edit the template in your checkout",
    deviation="V0.1.6.1 gives the named keys one value for all clusters; passwords are kept with SECRET_KEY, so it "
    "is left as it is: a copy of the database is easier to guess passwords from",
)
def test_secrets_are_the_clusters_own(cluster: Cluster, notes: Notes) -> None:
    """No secret in the services' configuration files has the value that it has in every cluster."""
    found = rendered.ask(notes, "published secrets", cluster, lambda p: web_files.published(cluster, p.renderer))
    expect("secrets with one value for all clusters", found=found, expected=[])


@check(
    "D48",
    section="3.16",
    source="upstream restfulapi2 run.sh",
    on=platform_master,
    title_zh="DLWS 服务的目录并非人人可写",
    fix="nobody but administrators may have an account on the master (U17, U18); in your checkout, take the chmod away",
    deviation="V0.1.6.1's pods give the named folders mode 0777 at each start: whoever has an account on the master "
    "can put a link in the place of a log that Apache opens as root",
)
def test_no_folder_is_everybodys(host: Host) -> None:
    """No folder that a service of the master writes to can be written to by everybody."""
    modes = {path: host.file(path).mode for path in OPENED if host.file(path).exists}
    wrong = [f"{path}: mode {mode:o}" for path, mode in modes.items() if mode & EVERYBODYS and not mode & STICKY]
    expect("folders of services that everybody can write to", found=wrong, expected=[])


@check(
    "D53",
    section="3.16",
    source="upstream dlwsrestapi.py",
    on=platform_master,
    title_zh="不验密码的 DLWS 端口不对外开放",
    fix="let the network before the cluster pass only 80 and 443 to the master: on hosts the runbook wants no firewall",
    causes=[RUNS["restfulapi2"], RUNS["jobmanager2"], RUNS["custom-user-dashboard"]],
    deviation="V0.1.6.1's REST API believes the user's name in the URL, past nginx's allow list, and its Redis servers "
    "ask for no password: whoever reaches the named ports of the master is any user of the platform",
)
def test_unguarded_ports_are_closed(host: Host) -> None:
    """No server of the platform that asks for no password listens to the network."""
    reachable = {s.port for s in listening_sockets(host) if s.kind == "tcp" and s.is_reachable}
    found = [f"{port} ({what})" for port, what in sorted(UNGUARDED.items()) if port in reachable]
    expect("ports without a password that listen to the network", found=found, expected=[])
