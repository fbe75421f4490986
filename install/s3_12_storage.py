"""Runbook 3.12: the share: exported by one host, mounted permanently on every host, with its folders and links.

Unlike the runbook, mounts are in /etc/fstab (instead of upstream's timer with its Python 2 script), NFS server packages
are installed only on servers, and nothing that holds data is ever removed or mounted over.
"""

from __future__ import annotations

from functools import partial

from checks.storage import shares as storage
from dlws.config import shares
from dlws.config.cluster import Cluster, Mount
from dlws.engine.stage import stage
from dlws.engine.targets import folder_keepers, sharing_cluster, sharing_hosts, storage_servers
from dlws.facts.packages import missing_packages
from dlws.facts.shares import links_in, mounts_of
from dlws.hostfiles import exports
from dlws.inventory import Node
from dlws.parse.storage import fstab, mounts
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.modules import MountPoint

MOUNT_DEADLINE = 180.0  # seconds; mount gives up on a server that drops packets after two minutes


@stage(section="3.12", on=storage_servers, after="node_packages", proves=[storage.test_disk_of_the_share_is_mounted])
def test_share_disk() -> None:
    """Any disk that /etc/fstab lists for an exported folder is mounted."""


@stage(section="3.12", on=storage_servers, after=["share_disk", "reboot"], proves=[storage.test_shares_are_exported])
def test_nfs_server(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Serve the shares: set up the NFS server, its folders and a managed block in /etc/exports."""
    if missing := missing_packages(host, cluster.suite.packages.nfs_server):
        change.install_packages(missing)
    paths = [mount.export for mount in shares.served_by(cluster, node)]
    for path in paths:
        change.run("mkdir -p %s", path)
    block = exports.block(paths, cluster.suite.nfs.clients, cluster.suite.nfs.options)
    change.edit_file("/etc/exports", partial(exports.with_block, block=block))
    change.run("systemctl enable --now nfs-server")
    change.run("exportfs -ra")


@stage(
    section="3.12",
    on=sharing_hosts,
    after=["reboot", "nfs_server[*]"],
    proves=[storage.test_shares_are_mounted, storage.test_shares_are_mounted_at_boot, storage.test_shares_answer],
)
def test_nfs_mounts(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Mount every share now and, through /etc/fstab, at boot; a hung mount is left for a person to fix."""
    mounted, fstab_text = mounts_of(host), host.read("cat /etc/fstab")
    for mount in cluster.mounts:
        refuse_conflicting_mount(cluster, host, mount, mounted.get(mount.mount_point), fstab_text)
    for mount in cluster.mounts:
        line = shares.fstab_line(cluster, mount, node)
        change.edit_file("/etc/fstab", partial(fstab.with_mount, wanted=line))
        if mount.mount_point not in mounted:
            change.run("mkdir -p %s", mount.mount_point)
            change.run("systemctl daemon-reload")  # systemd generates its mount units from /etc/fstab
            change.run("mount -o retry=0 %s", mount.mount_point, deadline=MOUNT_DEADLINE)  # a single attempt


@stage(section="3.12", on=folder_keepers, after=["nfs_server", "nfs_mounts"], proves=[storage.test_storage_folders])
def test_storage_folders(node: Node, cluster: Cluster, change: Change) -> None:
    """Create the storage folders on the share once, writable by the jobs of all users, and that of labelled data."""
    for folder in shares.folders_kept_by(cluster, node):
        mode = f"{shares.FOLDER_MODE:04o}"
        change.run("mkdir -p %s && chmod %s %s", folder, mode, folder, deadline=60)
    for folder in shares.label_data_kept_by(cluster, node):
        change.run("mkdir -p %s", folder, deadline=60)


@stage(
    section="3.12", on=sharing_hosts, after=["nfs_mounts", "storage_folders[*]"], proves=[storage.test_storage_links]
)
def test_storage_links(cluster: Cluster, host: Host, change: Change) -> None:
    """Link the platform's folders to the share; anything that is not a link stays, as it may hold job data."""
    for folder, targets in shares.links(cluster).items():
        current = links_in(host, folder, list(targets))
        change.run("mkdir -p %s", folder)
        for name, target in targets.items():
            if name not in current or (current[name].startswith("-> ") and current[name] != f"-> {target}"):
                change.run("ln -sfnT %s %s", target, f"{folder}/{name}")


@stage(section="3.12", on=sharing_cluster, after="storage_links[*]", proves=[storage.test_hosts_share_their_files])
def test_shared_storage() -> None:
    """What one host writes to a share, all other hosts can read."""


def refuse_conflicting_mount(
    cluster: Cluster, host: Host, mount: Mount, there: MountPoint | None, fstab_text: str
) -> None:
    """Raises ChangeFailed if mounting the share would hide data, or conflict with another file system."""
    point, sources = mount.mount_point, shares.sources(cluster, mount)
    for entry in fstab.mounts_on(fstab_text, point):
        if entry.kind not in mounts.NFS:
            raise ChangeFailed(
                f"{host.name}: /etc/fstab line {entry.line} mounts {entry.spec} on {point}: move one of the two"
            )
    if there is not None and (not there.is_nfs or there.device.rstrip("/") not in sources):
        raise ChangeFailed(f"{host.name}: {there.device} ({there.filesystem}) is mounted on {point}: unmount it first")
    if there is None and host.read("test ! -d %s || find %s -mindepth 1 -maxdepth 1 | head -n 3", point, point):
        raise ChangeFailed(f"{host.name}: {point} holds local files: move them, as a mount would hide them")
