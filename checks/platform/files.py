"""D: what runbook 3.15, 3.16.2, 3.16.7 and 3.16.10 put on the hosts for the platform's services."""

from __future__ import annotations

from pathlib import PurePosixPath

from checks.platform import images
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that
from dlws.engine.targets import platform_control, platform_hosts, platform_master
from dlws.facts import platform_images, rendered
from dlws.facts.files import digest_of, is_open_to, text_of
from dlws.inventory import Node
from dlws.platform import web_files
from dlws.platform.renderings import Platform
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Severity


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
    """The services' configuration files match this configuration, and nobody but the services can read them."""
    question = "digests of the web interface's files"
    wanted = rendered.ask(notes, question, cluster, lambda p: [[f.path, *wanted_of(f)] for f in p.host_files])
    for path, *expected in wanted:
        file = host.file(path)
        if not file.exists:
            raise Mismatch(path, found="no file", expected="a file")
        expect(path, found=told_of(digest_of(host, path), f"{file.mode:o}", str(file.gid)), expected=expected)
    for source in web_files.SOURCES:
        folder = str(PurePosixPath(source.path).parent)
        expect_that(
            is_open_to(host, folder, source.group),
            folder,
            found=f"mode {host.file(folder).mode:o}",
            expected=f"a folder that group {source.group}, the service's, can enter",
        )


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
    expect(web_files.DASHBOARD, found=host.file(web_files.DASHBOARD).kind, expected="directory")


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
    expect(web_files.FQDN_FILE, found=host.file(web_files.FQDN_FILE).kind, expected="regular file")
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
    image = rendered.ask(notes, "webui3's image", cluster, lambda p: p.webui_image)
    there = platform_images.image_id(host, image)
    expect_that(there, f"image {image}", found="missing", expected="present")
    source = text_of(host, web_files.STATIC_SOURCE) or "none"
    expect(f"image that {web_files.DASHBOARD} was taken from", found=source, expected=there)
    page = f"{web_files.DASHBOARD}/index.html"
    expect(page, found=host.file(page).kind, expected="regular file")


def wanted_of(file: web_files.HostFile) -> list[str]:
    """Digest, mode and group of a file, in the words of a finding."""
    return told_of(file.sha256, file.source.mode.lstrip("0"), file.source.group)


def told_of(digest: str, mode: str, group: str) -> list[str]:
    """`[..., "mode 640", "group 33"]`."""
    return [digest, f"mode {mode}", f"group {group}"]
