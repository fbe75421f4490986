"""Which machines of the configuration are not nodes of the cluster yet (`-m scale_up`)."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.kubernetes.membership import KUBECTL
from dlws.parse.text import unparsable
from dlws.remote.host import Host

NODES = f"{KUBECTL} --request-timeout=10s get nodes -o name"


def without_node(cluster: Cluster, master: Host) -> list[str]:
    """The machines without a node, in the order of the configuration. Unknown if the nodes cannot be listed."""
    lines = master.lines(NODES)
    if not lines or any(not line.startswith("node/") for line in lines):
        raise unparsable("kubectl get nodes", lines[0] if lines else "", "no list of nodes")
    nodes = {line.removeprefix("node/").strip() for line in lines}
    return [node.name for node in cluster.nodes if node.name not in nodes]
