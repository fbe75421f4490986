"""From a cluster to the renderer of its checkout: what stages, checks and `dlws render` begin with."""

from __future__ import annotations

import re
from typing import Final

from dlws.config.cluster import Cluster
from dlws.platform.parameters import masked, parameters
from dlws.platform.templates import Renderer
from dlws.upstream.checkout import CheckoutError, open_checkout

NO_ID: Final = "<cluster id, made in runbook 3.4>"
"""What stands for the cluster's id before there is one: good for looking ahead, not for a host."""
_ID: Final = re.compile(r"clusterId: *['\"]?([0-9a-fA-F-]{36})['\"]?\s*")


def renderer(cluster: Cluster) -> Renderer:
    """Renders the templates of the cluster's checkout; what it renders holds secrets.

    CheckoutError, one line, if no checkout is named, it is none, or its params.py is not plain.
    """
    where = cluster.dlworkspace
    if where is None:
        fix = "name your DLWorkspace checkout there (branch V0.1.6.1)"
        raise CheckoutError(f"{cluster.path}: dlworkspace is not set; {fix}")
    checkout = open_checkout(where)
    return Renderer(checkout, parameters(cluster, checkout, cluster_id(cluster) or NO_ID))


def without_secrets(renderer: Renderer) -> Renderer:
    """The same with each secret replaced by its key's name, for showing."""
    return Renderer(renderer.checkout, masked(renderer.cnf))


def cluster_id(cluster: Cluster) -> str | None:
    """The id in deploy/clusterID.yml of the state folder; None if there is none yet."""
    try:
        text = (cluster.state / "deploy" / "clusterID.yml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _ID.fullmatch(text)
    return found[1] if found else None
