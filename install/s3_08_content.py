"""Runbook 3.8 without a network: the packages of suite.content on every host, apt's one source while it installs."""

from __future__ import annotations

from checks import content
from dlws.config.cluster import Cluster
from dlws.content.on_host import BRING, REMOVE, SETTINGS, SETTINGS_TEXT, SOURCE, SOURCES, archive, place_of
from dlws.engine.stage import stage
from dlws.engine.targets import content_hosts
from dlws.inventory import Node
from dlws.remote.change import Change
from dlws.remote.host import Host

BRING_DEADLINE = 30 * 60.0  # seconds from the whole archive on the host to its files


@stage(section="3.8", on=content_hosts, after="requirements", proves=[content.test_content_packages_are_here])
def test_content_packages(cluster: Cluster, node: Node, host: Host, change: Change) -> None:
    """Bring the content's packages for the host's release over SSH, and let apt install from them alone."""
    place = place_of(node, host)
    change.run(BRING, stdin=archive(cluster, place), deadline=BRING_DEADLINE, text=f"unpack {place}.tar of the content")
    change.write_file(SOURCES, f"{SOURCE}\n")
    change.write_file(SETTINGS, SETTINGS_TEXT)


@stage(
    section="3.12",
    on=content_hosts,
    after=[
        "content_packages",
        "search_domain",
        "node_packages",
        "docker",
        "gpu_runtime",
        "kube_packages",
        "nfs_server",
    ],
    proves=[content.test_content_source_is_gone],
)
def test_content_removed(change: Change) -> None:
    """Remove the content's packages and their source, which apt believes without a signature; it has its own again."""
    change.run(REMOVE)
