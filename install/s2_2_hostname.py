"""Runbook 2.2: the host name of every machine."""

from __future__ import annotations

from checks import system
from cluster.inventory import Node
from fixtures.stage import stage
from remote.change import Change


@stage(section="2.2", after="requirements", proves=[system.test_hostname])
def test_hostname(node: Node, change: Change) -> None:
    """Name the host as config.yaml does; kubeadm makes it the node's name."""
    change.run("hostnamectl set-hostname %s", node.name)
