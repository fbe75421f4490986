"""The cluster's shares: their servers, how every host mounts them, and the links to their folders (runbook 3.12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from dlws.config.cluster import Cluster, Mount
from dlws.config.kept import kept
from dlws.inventory import Arch, Node, Role

OPTIONS: Final = "rsize=8192,timeo=14,intr,tcp"
"""The mount options of upstream's auto_share.py; a share's own `options` in config.yaml replace them."""
AT_BOOT: Final = "_netdev,nofail,retry=10000,x-systemd.mount-timeout=infinity"
"""Mount once the network is up, without delaying the boot, and retry for a week (`retry` is in minutes) while the
server is down, because hosts come back in any order after a power cut. The systemd equivalent of nfs(5)'s `bg`."""
AFTER_OWN_SERVER: Final = "x-systemd.after=nfs-server.service"
"""On the server itself: mount after its NFS service has started, unmount before it stops."""
LABEL_DATA: Final = "/mntdlws/nfs/label"
"""`data_platform_path` where the configuration has none (params.py of V0.1.6.1)."""
FOLDER_MODE: Final = 0o777
"""Jobs of all users write into the folders (auto_share.py)."""


def server_of(cluster: Cluster, mount: Mount) -> Node | None:
    """The machine that serves a share; None if the server is not a machine of the cluster."""
    return _by_any_name(cluster).get(mount.server)


@kept
def _by_any_name(cluster: Cluster) -> Mapping[str, Node]:
    """The machines by name, FQDN and address; of two with one of them the first in the configuration."""
    found: dict[str, Node] = {}
    for node in cluster.nodes:
        for name in (node.name, node.fqdn, node.address):
            found.setdefault(name, node)
    return found


def served_by(cluster: Cluster, node: Node) -> tuple[Mount, ...]:
    """The shares that a machine serves."""
    return tuple(mount for mount in cluster.mounts if server_of(cluster, mount) == node)


def sources(cluster: Cluster, mount: Mount) -> tuple[str, ...]:
    """The possible sources of the mounted share, `server:path`, with each name of the server."""
    server = server_of(cluster, mount)
    names = (mount.server, server.name, server.fqdn, server.address) if server else (mount.server,)
    return tuple(dict.fromkeys(f"{name}:{mount.export}" for name in names))


def fstab_line(cluster: Cluster, mount: Mount, node: Node) -> str:
    """The line of a host's /etc/fstab that mounts a share now and at every boot."""
    options = [mount.options or OPTIONS, AT_BOOT, *([AFTER_OWN_SERVER] if server_of(cluster, mount) == node else [])]
    return f"{mount.server}:{mount.export} {mount.mount_point} {mount.type} {','.join(options)} 0 0"


def folder_root(cluster: Cluster, mount: Mount, node: Node) -> str | None:
    """Where this machine maintains the folders of a share; None if another machine does.

    The server does so in the folder that it exports, which needs no network. For a share that no machine of the cluster
    serves, the master does so through its mount.
    """
    server = server_of(cluster, mount)
    if server is None:
        return mount.mount_point if node.role is Role.INFRASTRUCTURE else None
    return mount.export if node == server else None


def folders_kept_by(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """The folders of shares that this machine creates and maintains."""
    roots = [(mount, folder_root(cluster, mount, node)) for mount in cluster.mounts]
    return tuple(f"{root}/{folder}" for mount, root in roots if root for folder in mount.folders)


def label_data_kept_by(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """The platform's folder of labelled data, if it lies on a share whose folders this machine maintains.

    Docker, which makes what a pod mounts, cannot make it on a share with root_squash.
    """
    wanted = cluster.settings.label_data_path or LABEL_DATA
    if cluster.dlworkspace is None or cluster.master.arch is not Arch.AMD64:
        return ()
    roots = [(mount, folder_root(cluster, mount, node)) for mount in cluster.mounts]
    return tuple(
        f"{root}{wanted.removeprefix(mount.mount_point)}"
        for mount, root in roots
        if root and wanted.startswith(f"{mount.mount_point}/")
    )


def links(cluster: Cluster) -> dict[str, dict[str, str]]:
    """By the folder that holds them, the links of every host: `{"/dlwsdata": {"work": "/mntdlws/work"}}`."""
    by_folder: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for mount in cluster.mounts:
        by_folder[mount.links_in] |= {folder: f"{mount.mount_point}/{folder}" for folder in mount.folders}
    return dict(by_folder)
