"""How a host gets an image: from its archive, where the folder of archives has one, or from the image's registry."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.facts.docker import docker_architecture
from dlws.inventory import Node
from dlws.kubernetes import image_archives
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host

PULL_DEADLINE = 30 * 60.0  # seconds for several GB over a slow line
LOAD_DEADLINE = 30 * 60.0  # seconds from the whole archive on the host to the image: the same, unpacked to a slow disk


def load_or_pull(change: Change, cluster: Cluster, node: Node, image: str) -> None:
    """Load an image from its archive, or pull it where there is none. Raises as `load`."""
    if not load(change, cluster, node, image):
        pull(change, image)


def pull(change: Change, image: str) -> None:
    """Pull an image from its registry."""
    change.run("docker pull -q %s", image, deadline=PULL_DEADLINE)


def load(change: Change, cluster: Cluster, node: Node, image: str) -> bool:
    """Load an image from its archive; False if there is none.

    ChangeFailed, with nothing sent, for an archive that holds anything else under the image's name.
    """
    path = image_archives.archive(cluster.image_archives, image, node.arch)
    if path is None:
        return False
    try:
        image_archives.require(path, image, docker_architecture(change.host) if has_docker(change.host) else None)
    except image_archives.WrongArchive as error:
        raise ChangeFailed(f"{node.name}: {path} is not loaded: {error}") from None
    change.run("docker load -q", stdin=path, deadline=LOAD_DEADLINE, text=f"docker load {path.name}")
    return True


def has_docker(host: Host) -> bool:
    """Whether Docker is installed: in a plan it may not be yet."""
    return bool(host.run("command -v docker").rc == 0)
