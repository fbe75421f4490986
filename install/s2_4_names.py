"""Runbook 2.4: the search domain, and the resolution of all host names on every host."""

from __future__ import annotations

from functools import partial

from checks.network import names
from dlws.config.cluster import Cluster, NameResolution
from dlws.engine.stage import stage
from dlws.facts.apt_sources import SEARCH_DOMAIN
from dlws.hostfiles import hosts_file
from dlws.parse.network import resolv_conf
from dlws.remote.change import Change
from dlws.remote.host import Host

BASE = "/etc/resolvconf/resolv.conf.d/base"


@stage(
    section="2.4",
    after=["hostname", "content_packages"],
    proves=[names.test_search_domain, names.test_name_servers],
)
def test_search_domain(cluster: Cluster, host: Host, change: Change) -> None:
    """Install resolvconf and add the cluster's search domain, keeping the name servers that are written."""
    servers = resolv_conf.written_servers(host.read("cat /etc/resolv.conf"))  # also those that glibc does not read
    change.install_packages(SEARCH_DOMAIN)
    change.make_directory("/etc/resolvconf/resolv.conf.d")
    change.edit_file(BASE, partial(resolv_conf.with_search, domain=cluster.domain, nameservers=servers))
    change.run("resolvconf -u")


@stage(section="2.4", after="hostname", proves=[names.test_every_name_resolves])
def test_names(cluster: Cluster, change: Change) -> None:
    """Keep all host names in a managed block in /etc/hosts (option 2); DNS records (option 1) are only checked."""
    if cluster.suite.name_resolution is NameResolution.HOSTS_FILE:
        block = hosts_file.block(cluster.names_by_address)
        change.edit_file("/etc/hosts", partial(hosts_file.with_block, block=block))
