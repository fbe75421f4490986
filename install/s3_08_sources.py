"""Runbook 3.8, 3.10: apt's sources and its lists, before anything is installed from them."""

from __future__ import annotations

from pathlib import PurePosixPath

from checks.host import packages
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import hosts_with_apt_source, hosts_with_apt_sources
from dlws.facts.apt_sources import keyring, keys_trusted_for_all
from dlws.hostfiles.apt_source import AptSource
from dlws.inventory import Node
from dlws.remote.change import Change
from dlws.remote.host import Host


@stage(section="3.8", on=hosts_with_apt_sources, after="reachability", proves=[packages.test_package_sources])
def test_package_sources(cluster: Cluster, node: Node, host: Host, change: Change) -> None:
    """Add the sources of suite.apt_sources to apt, each with its key for that source alone."""
    for source in cluster.apt_sources(node):
        add(source, host, change)


@stage(section="3.10", on=hosts_with_apt_source, after="reachability", proves=[packages.test_kubernetes_source])
def test_kube_source(cluster: Cluster, host: Host, change: Change) -> None:
    """Add the source of the Kubernetes packages to apt, with its key for that source alone."""
    if source := cluster.kubernetes_source:
        add(source, host, change)


@stage(
    section="3.8",
    after=["reachability", "package_sources", "kube_source", "content_packages"],
    proves=[packages.test_packages_have_candidates],
)
def test_package_lists(change: Change) -> None:
    """Update apt's lists where they lack a package that is to be installed; the install ends here if it stays so."""
    change.update_package_lists()


def add(source: AptSource, host: Host, change: Change) -> None:
    """Write a source and its key."""
    if source.key is not None:
        change.make_directory(str(PurePosixPath(source.keyring).parent))
        change.put_file(source.keyring, keyring(source), text=f"write {source.keyring}")
    change.write_file(source.path, f"{source.text}\n")
    for path in keys_trusted_for_all(host, source) if source.key else ():
        change.run("rm -f %s", path)
