"""Runbook 3.15 and 3.16.2: the configuration of the web interface and the services, in the files that they read.

The runbook edits src/dashboard/config/local.yaml, which no running service reads (`dlws.platform.web_files`).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from checks.platform import files
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import platform_control, platform_master
from dlws.facts import rendered
from dlws.facts.files import digest_of, is_open_to
from dlws.platform.rendering import cluster_id
from dlws.platform.web_files import HostFile
from dlws.remote.change import Change
from dlws.remote.host import Host
from install.guards import refuse_another_id


@stage(section="3.15", on=platform_control, after=["config", "cluster_id"], proves=[files.test_platform_renders])
def test_platform() -> None:
    """The checkout renders to a platform that this suite supports, before any of it is put on a host."""


@stage(
    section="3.15",
    on=platform_master,
    after=["platform", "reachability"],
    proves=[files.test_web_configuration],
)
def test_web_configuration(cluster: Cluster, host: Host, change: Change) -> None:
    """Write the files that the web interface, the REST API and the user dashboard read."""
    own = cluster_id(cluster)
    if own is None:
        change.run("exit 1", text="write the services' configuration, once the cluster has its id")
        return
    refuse_another_id(cluster, host, own)
    for file in rendered.of(cluster, lambda platform: platform.host_files):
        source, folder = file.source, str(PurePosixPath(file.path).parent)
        if not is_open_to(host, folder, source.group):
            change.make_directory(folder)
        if not is_present(host, file):
            change.write_file(file.path, file.text, mode=source.mode, owner=f"root:{source.group}")


def is_present(host: Host, file: HostFile) -> bool:
    """Whether the host has the file with this content, mode and group."""
    there, source = host.file(file.path), file.source
    same_text = digest_of(host, file.path) == file.sha256
    return same_text and (there.mode, str(there.gid)) == (int(source.mode, 8), source.group)
