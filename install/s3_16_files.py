"""Runbook 3.16.7 and 3.16.10: nginx's files: its name, routes and static files.

They must exist before a pod mounts them, as Docker would create directories in their place.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from checks.platform import files
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import platform_hosts, platform_master
from dlws.facts import platform_images, rendered
from dlws.facts.files import digest_of
from dlws.inventory import Node
from dlws.platform import web_files
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host

TAKE_OUT = (
    "set -e; umask 022; d=%s; c=$(docker create %s); trap 'docker rm -f \"$c\" >/dev/null' EXIT;"
    ' trap "exit 143" TERM; rm -rf "$d.new";'
    ' docker cp "$c:/usr/src/app/build" "$d.new"; rm -rf "$d.old"; if [ -e "$d" ]; then mv "$d" "$d.old"; fi;'
    ' mv "$d.new" "$d"; rm -rf "$d.old"; printf "%%s\\n" %s > %s'
)
"""Prepares the new folder next to the old one, so that nginx never serves an incomplete one."""


@stage(
    section="3.16",
    on=platform_hosts,
    after=["platform", "reachability", "hostname"],
    proves=[files.test_fqdn_file, files.test_nginx_routes],
)
def test_nginx_files(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Give nginx the host's name, its routes and a folder for its static files."""
    if host.file(web_files.FQDN_FILE).is_directory:
        raise ChangeFailed(
            f"{host.name}: {web_files.FQDN_FILE} is a directory; it is not removed, as a pod may mount it"
        )
    if digest_of(host, web_files.FQDN_FILE) != rendered.sha256(f"{node.fqdn}\n"):
        change.write_file(web_files.FQDN_FILE, f"{node.fqdn}\n")
    if not host.file(web_files.DASHBOARD).is_directory:
        change.make_directory(web_files.DASHBOARD)
    routes = rendered.of(cluster, lambda platform: platform.routes)
    if digest_of(host, web_files.NGINX_FILE) != rendered.sha256(routes):
        change.make_directory(str(PurePosixPath(web_files.NGINX_FILE).parent))
        change.write_file(web_files.NGINX_FILE, routes)


@stage(
    section="3.16",
    on=platform_master,
    after=["nginx_files", "platform_images"],
    proves=[files.test_static_files],
)
def test_static_files(cluster: Cluster, host: Host, change: Change) -> None:
    """Copy the web interface's static files out of its image."""
    image = rendered.of(cluster, lambda platform: platform.webui_image)
    image_id = platform_images.image_id(host, image) or "the image's id"
    text = f"copy {web_files.DASHBOARD} out of {image}"
    change.run(TAKE_OUT, web_files.DASHBOARD, image, image_id, web_files.STATIC_SOURCE, text=text)
