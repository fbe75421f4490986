"""Runbook 3.3 to 3.5: the control host's environment, the cluster's identity, the root credential."""

from __future__ import annotations

import sys
import uuid

from checks import control
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import control_host
from dlws.facts.control_host import BUILD_LOCK, LOCK
from dlws.hostfiles import hosts_file
from dlws.platform.rendering import cluster_id
from dlws.remote.change import Change
from dlws.remote.host import Host
from install.guards import refuse_another_id


@stage(section="3.3", on=control_host, after="config", proves=[control.test_control_environment])
def test_control_environment(change: Change) -> None:
    """Install the libraries that run, as they are locked; before them what builds the one that comes as source."""
    for lock in (BUILD_LOCK, LOCK):
        change.run("%s -m pip install -q --no-build-isolation --require-hashes -r %s", sys.executable, str(lock))


@stage(section="3.4", on=control_host, after="config", proves=[control.test_cluster_id])
def test_cluster_id(cluster: Cluster, host: Host, master: Host, change: Change) -> None:
    """Give the cluster its id once; an existing one, here or on the master, is never replaced."""
    path = cluster.state.cluster_id
    refuse_another_id(cluster, master, cluster_id(cluster))
    if host.run("test -e %s", str(path)).rc != 0:  # an invalid id is left for a person to restore
        change.make_directory(str(path.parent), mode="0700")
        change.write_file(str(path), f"clusterId: {uuid.uuid4()}\n", mode="0600")


@stage(section="3.4", on=control_host, after="config", proves=[control.test_cluster_key])
def test_cluster_key(cluster: Cluster, host: Host, change: Change) -> None:
    """Create the cluster's SSH key (RSA 4096); an existing one is never replaced."""
    key = cluster.state.key
    if host.run("test -e %s", str(key)).rc != 0:
        change.make_directory(str(key.parent), mode="0700")
        change.run("ssh-keygen -q -t rsa -b 4096 -N '' -C %s -f %s", f"dlws-{cluster.name}", str(key))
    else:
        change.run("chmod 600 %s", str(key))


@stage(section="3.5", on=control_host, after="config", proves=[control.test_root_credential_is_private])
def test_root_credential(cluster: Cluster, change: Change) -> None:
    """Make the root password file readable by its owner only."""
    change.run("chmod 600 %s", str(cluster.state.root_password))


@stage(section="2.4", on=control_host, after="config", proves=[control.test_deploy_hosts_file])
def test_deploy_hosts_file(cluster: Cluster, change: Change) -> None:
    """Write the runbook's deploy/etc/hosts, which deploy.py reads."""
    path = cluster.state.hosts
    change.make_directory(str(path.parent))
    block = hosts_file.block(cluster.names_by_address)
    change.edit_file(str(path), lambda text: hosts_file.with_block(text or hosts_file.LOCALHOST, block))
