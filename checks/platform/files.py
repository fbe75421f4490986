"""D: what runbook 3.15, 3.16.2, 3.16.7 and 3.16.10 put on the hosts for the platform's services."""

from __future__ import annotations

import re

from checks.platform import images
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that
from dlws.engine.site import Notes
from dlws.engine.targets import platform_control, platform_hosts, platform_master
from dlws.facts import rendered
from dlws.facts.files import stat_of, text_of
from dlws.inventory import Node
from dlws.platform import web_files
from dlws.platform.renderings import Platform
from dlws.platform.services import STATIC
from dlws.remote.host import Host
from dlws.verdict import Severity

DASHBOARD = f"{STATIC}/dashboard"
STATIC_SOURCE = "/www/.dlws-dashboard"
"""Holds the id of the image that the static files were taken from."""


@check(
    "D26",
    section="3.15",
    source="runbook 3.16",
    on=platform_control,
    title_zh="DLWorkspace 源码中的模板可渲染，结果符合约定",
    fix="run `dlws render`; correct config.yaml, or point it at a clean clone of V0.1.6.1",
)
def test_platform_renders(cluster: Cluster, notes: Notes) -> None:
    """The DLWorkspace templates render with this configuration into the objects that the suite expects."""
    troubles = notes.take("render the platform", lambda: rendered.troubles(cluster))
    expect("problems in the DLWorkspace checkout", found=troubles, expected=[])


@check(
    "D12",
    section="3.15",
    source="runbook 3.15",
    on=platform_control,
    severity=Severity.WARNING,
    title_zh="local.yaml 内容有效",
    fix="correct the named key in config.yaml; see `dlws render webui local.yaml`",
)
def test_local_yaml(cluster: Cluster, notes: Notes) -> None:
    """The generated local.yaml names this cluster, its hosts and paths, and contains no published secret."""

    def find(wanted: Platform) -> list[str]:
        text = web_files.local_yaml(cluster, wanted.renderer)
        return [f"{f.key}: {f.message}" for f in web_files.check_local_yaml(cluster, text)]

    findings = rendered.ask(notes, "lint local.yaml", cluster, find)
    expect("problems in local.yaml", found=findings, expected=[])


@check(
    "D23",
    section="3.15",
    source="upstream webui",
    on=platform_master,
    title_zh="DLWS 服务的配置文件与 config.yaml 一致且权限正确",
    fix="-m install --stages web_configuration",
)
def test_web_configuration(cluster: Cluster, host: Host, notes: Notes) -> None:
    """The services' configuration files match this configuration and are closed to all other users."""
    question = "digests of the web interface's files"
    wanted = rendered.ask(notes, question, cluster, lambda p: [[f.path, *expected_of(f)] for f in p.host_files()])
    for path, *expected in wanted:
        expect(path, found=found_at(host, path), expected=expected)


@check(
    "D24",
    section="3.16",
    source="upstream nginx config",
    on=platform_hosts,
    title_zh="NGINX 路由文件与 DLWorkspace 源码一致",
    fix="-m install --stages nginx_files",
)
def test_nginx_routes(cluster: Cluster, host: Host, notes: Notes) -> None:
    """The NGINX routes on the host match the DLWorkspace checkout, and the static file folder exists."""
    wanted = rendered.ask(notes, "digest of nginx's routes", cluster, lambda p: rendered.sha256(p.routes))
    expect(web_files.NGINX_FILE, found=digest_of(host, web_files.NGINX_FILE), expected=wanted)
    expect(DASHBOARD, found=stat_of(host, "%F", DASHBOARD) or "nothing", expected="directory")


@check(
    "D25",
    section="3.16",
    source="upstream nginx fqdn",
    on=platform_hosts,
    title_zh="/etc/hostname-fqdn 是文件且内容正确",
    fix="remove it once no pod mounts it (a pod that started too early made it a folder); then"
    " -m install --stages nginx_files",
)
def test_fqdn_file(node: Node, host: Host) -> None:
    """/etc/hostname-fqdn is a file and contains the host's FQDN."""
    kind = stat_of(host, "%F", web_files.FQDN_FILE) or "nothing"
    expect(web_files.FQDN_FILE, found=kind, expected="regular file")
    expect(f"name in {web_files.FQDN_FILE}", found=text_of(host, web_files.FQDN_FILE), expected=node.fqdn)


@check(
    "D27",
    section="3.16",
    source="upstream nginx webui3",
    on=platform_master,
    title_zh="Web 静态文件取自当前的 webui3 镜像",
    fix="-m install --stages static_files",
    causes=[images.test_images_are_present, images.test_images_are_in_the_registry],
)
def test_static_files(cluster: Cluster, host: Host, notes: Notes) -> None:
    """The web interface's static files exist and come from the webui3 image on the host."""
    image = rendered.ask(notes, "webui3's image", cluster, webui3_image)
    there = image_id(host, image)
    expect_that(there, f"image {image}", found="missing", expected="present")
    expect(f"image that {DASHBOARD} was taken from", found=text_of(host, STATIC_SOURCE) or "none", expected=there)
    kind = stat_of(host, "%F", f"{DASHBOARD}/index.html") or "nothing"
    expect(f"{DASHBOARD}/index.html", found=kind, expected="regular file")


def expected_of(file: web_files.HostFile) -> list[str]:
    """Digest, mode and group of a file, as `found_at` gives them."""
    return [rendered.sha256(file.text), f"mode {file.source.mode.lstrip('0')}", f"group {file.source.group}"]


def found_at(host: Host, path: str) -> list[str]:
    """Digest, mode and group number of a file on the host. Mismatch when there is none."""
    there = stat_of(host, "%a %g", path)
    if there is None:
        raise Mismatch(path, found="no file", expected="a file")
    mode, group = there.split()
    return [digest_of(host, path), f"mode {mode}", f"group {group}"]


def digest_of(host: Host, path: str) -> str:
    """The SHA-256 of a file on the host, or `no file`."""
    result = host.run_expect([0, 1], "sha256sum %s", path)
    found = re.match(r"\\?([0-9a-f]{64}) ", result.stdout)
    if result.rc == 0 and found:
        return found[1]
    if result.rc == 1 and result.stderr.strip().endswith(("No such file or directory", "Is a directory")):
        return "no file"
    raise host.no_answer(result)


def image_id(host: Host, image: str) -> str:
    """The id of an image on the host, or nothing when it is not there."""
    result = host.run_expect([0, 1], "docker image inspect -f '{{.Id}}' %s", image)
    if result.rc == 0 and result.stdout.strip():
        return str(result.stdout.strip())
    if "no such image" in result.stderr.lower():
        return ""
    raise host.no_answer(result)


def webui3_image(wanted: Platform) -> str:
    """The name of the image that holds the static files, for the master's architecture."""
    master = wanted.cluster.master
    return next(b.full_name for b in wanted.builds(master.arch) if b.image.name == "webui3")
