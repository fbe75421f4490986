"""What is not done to a host that is part of a cluster already: its pods run, and jobs of users among them."""

from __future__ import annotations

from dlws.facts.kube_host import membership_of
from dlws.kubernetes.membership import Part
from dlws.remote.change import ChangeFailed
from dlws.remote.host import Host


def refuse_on_node(host: Host, instead: str) -> None:
    """ChangeFailed where the host is part of a cluster; `instead` says what to do."""
    found = membership_of(host)
    if found.part is not Part.NONE:
        raise ChangeFailed(f"{host.name} is part of a cluster ({found.part}): {instead}")
