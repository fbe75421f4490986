"""`-m reset --confirm CLUSTER`: remove Kubernetes from every host and its credentials from the control host.

Packages, images, shared storage and the cluster's id and key remain, so `-m install` can create a new cluster.
"""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import expect, goal
from dlws.engine.stage import stage
from dlws.engine.targets import control_host, master, workers
from dlws.remote.change import Change
from dlws.remote.host import Host
from install import leaving

RESET = ("reset",)


@goal(
    "D22",
    section="reset",
    source="kubeadm reset",
    on=control_host,
    title_zh="控制主机上没有旧集群的 admin.conf",
    fix="remove deploy/sshkey/admin.conf",
)
def test_no_admin_conf(cluster: Cluster, control: Host) -> None:
    """The control host keeps no credentials of a cluster that no longer exists."""
    path = str(cluster.state.admin_conf)
    expect("admin.conf", found=path if control.file(path).exists else None, expected=None)


@stage(section="reset", on=workers, commands=RESET, proves=[leaving.test_host_is_clean])
def test_worker_reset(change: Change) -> None:
    """Remove Kubernetes from the worker."""
    leaving.reset(change)


@stage(section="reset", on=master, commands=RESET, proves=[leaving.test_host_is_clean])
def test_master_reset(change: Change) -> None:
    """Remove Kubernetes from the master, including etcd and with it the state of the whole cluster."""
    leaving.reset(change)


@stage(section="reset", on=control_host, after="master_reset[*]", commands=RESET, proves=[test_no_admin_conf])
def test_credentials_removed(cluster: Cluster, change: Change) -> None:
    """Delete the credentials of the cluster that no longer exists."""
    change.run("rm -f %s", str(cluster.state.admin_conf))
