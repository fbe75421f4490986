"""Guard against changes that would disturb a host which is already part of a cluster and may run users' jobs."""

from __future__ import annotations

from dlws.facts.kube_host import membership_of
from dlws.kubernetes.membership import Part
from dlws.remote.change import ChangeFailed
from dlws.remote.host import Host


def refuse_on_node(host: Host, instead: str) -> None:
    """Raises ChangeFailed if the host is part of a cluster; `instead` says what to do."""
    membership = membership_of(host)
    if membership.part is not Part.NONE:
        raise ChangeFailed(f"{host.name} is part of a cluster ({membership.part}): {instead}")
