"""Runbook 2.2: the host name of every machine."""

from __future__ import annotations

from checks.host import system
from dlws.engine.stage import stage
from dlws.inventory import Node
from dlws.remote.change import Change
from dlws.remote.host import Host
from install.guards import refuse_on_node


@stage(section="2.2", after="requirements", proves=[system.test_hostname])
def test_hostname(node: Node, host: Host, change: Change) -> None:
    """Set the host name from config.yaml; kubeadm makes it the node's name, and a node is never renamed."""
    refuse_on_node(
        host, "its kubelet would not come back under another name; correct config.yaml, or remove the node first"
    )
    change.run("hostnamectl set-hostname %s", node.name)
