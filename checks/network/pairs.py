"""N: every pair of hosts, where the checks of each host test a sample (`dlws.facts.pairs`)."""

from __future__ import annotations

from checks.network import names
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect
from dlws.engine.targets import whole_cluster
from dlws.facts.across_hosts import reachable_hosts
from dlws.facts.reachability import silent_peers
from dlws.remote.host import Host


@active
@check(
    "N35",
    section="3.7",
    source="runbook 3.7",
    on=whole_cluster,
    title_zh="任意两台主机之间均可互相 ping 通",
    causes=[names.test_peers_answer],
    fix="check the cabling, switch and firewall between the two hosts",
)
def test_every_pair_answers(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Every running host of the cluster answers a ping from every other one.

    Active, because the packets grow with the square of the number of hosts.
    """
    running = [cluster.node(name) for name in reachable_hosts(hosts)]
    silent = [
        f"{name} to {peer.name} ({peer.address})"
        for name, host in hosts.items()
        for peer in silent_peers(host, [node for node in running if node.name != name])
    ]
    expect("pairs of hosts of which one does not answer a ping", found=silent, expected=[])
