"""Runbook 3.16.7 and 3.16.10: what nginx serves and by which name. Before any pod mounts it, or that makes folders."""

from __future__ import annotations

from pathlib import PurePosixPath

from checks import platform, rendered
from checks.files import stat_of
from cluster import webui
from cluster.config import Cluster
from cluster.inventory import Node
from fixtures.stage import stage
from fixtures.targets import platform_hosts, platform_master
from remote.change import Change, ChangeFailed
from remote.host import Host

TAKE_OUT = (
    'set -e; umask 022; d=%s; c=$(docker create %s); trap \'docker rm -f "$c" >/dev/null\' EXIT; rm -rf "$d.new";'
    ' docker cp "$c:/usr/src/app/build" "$d.new"; rm -rf "$d.old"; if [ -e "$d" ]; then mv "$d" "$d.old"; fi;'
    ' mv "$d.new" "$d"; rm -rf "$d.old"; printf "%%s\\n" %s > %s'
)
"""Puts the new folder beside the old one first: nginx never serves half of it."""


@stage(
    section="3.16",
    on=platform_hosts,
    after=["platform", "reachability", "hostname"],
    proves=[platform.test_fqdn_file, platform.test_nginx_routes],
)
def test_nginx_files(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Give nginx the host's name, its routes and a folder for its static files."""
    if stat_of(host, "%F", webui.FQDN_FILE) == "directory":
        raise ChangeFailed(f"{host.name}: {webui.FQDN_FILE} is a directory; it is not removed, as a pod may mount it")
    if platform.digest_of(host, webui.FQDN_FILE) != rendered.sha256(f"{node.fqdn}\n"):
        change.write_file(webui.FQDN_FILE, f"{node.fqdn}\n")
    if stat_of(host, "%F", platform.DASHBOARD) != "directory":
        change.make_directory(platform.DASHBOARD)
    routes = rendered.of(cluster, lambda wanted: wanted.routes)
    if platform.digest_of(host, webui.NGINX_FILE) != rendered.sha256(routes):
        change.make_directory(str(PurePosixPath(webui.NGINX_FILE).parent))
        change.write_file(webui.NGINX_FILE, routes)


@stage(
    section="3.16",
    on=platform_master,
    after=["nginx_files", "platform_images"],
    proves=[platform.test_static_files],
)
def test_static_files(cluster: Cluster, host: Host, change: Change) -> None:
    """Copy the web interface's static files out of its image."""
    image = rendered.of(cluster, platform.webui3_image)
    there = platform.image_id(host, image) or "the image's id"
    text = f"copy {platform.DASHBOARD} out of {image}"
    change.run(TAKE_OUT, platform.DASHBOARD, image, there, platform.STATIC_SOURCE, text=text)
