"""Kubeconfigs: the cluster's on the control host, and those on its hosts. Their keys stay where they are."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.kubernetes import membership
from dlws.remote.host import Host

ROOT_CONFIG = "/root/.kube/config"


def public_parts(host: Host, path: str) -> membership.Public:
    """The CA, server and certificate of a kubeconfig; its key stays where it is."""
    return membership.public_parts(host.read("grep -E %s %s", membership.PUBLIC_PARTS, path))


def cluster_ca(cluster: Cluster, control: Host) -> str:
    """The hash of this cluster's CA, from the admin.conf that was kept at its birth."""
    return public_parts(control, str(cluster.state.admin_conf)).ca_hash
