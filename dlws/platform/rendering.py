"""The renderer of a cluster's checkout, for stages, checks and `dlws render`."""

from __future__ import annotations

import re
from typing import Final

from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.platform.parameters import masked, parameters
from dlws.platform.templates import Renderer
from dlws.upstream.checkout import CheckoutError, open_checkout

NO_ID: Final = "<cluster id, made in runbook 3.4>"
"""A placeholder for the cluster's id before it exists; for previews only, never for a host."""
_ID: Final = re.compile(r"clusterId: *['\"]?([0-9a-fA-F-]{36})['\"]?\s*")


def renderer(cluster: Cluster) -> Renderer:
    """The renderer of the templates in the cluster's checkout; its output contains secrets.

    CheckoutError if no checkout is named, it is not a DLWorkspace checkout, or its params.py is not plain.
    """
    where = cluster.dlworkspace
    if where is None:
        fix = "name your DLWorkspace checkout there (branch V0.1.6.1)"
        raise CheckoutError(f"{cluster.path}: dlworkspace is not set; {fix}")
    checkout = open_checkout(where)
    return Renderer(checkout, parameters(cluster, checkout, cluster_id(cluster) or NO_ID))


def without_secrets(renderer: Renderer) -> Renderer:
    """A renderer that replaces each secret by its key's name, for display."""
    return Renderer(renderer.checkout, masked(renderer.cnf))


def cluster_id(cluster: Cluster) -> str | None:
    """The id in deploy/clusterID.yml of the state folder; None if there is none yet."""
    try:
        text = named_file.text(cluster.state.cluster_id, errors="replace")
    except OSError:
        return None
    match = _ID.fullmatch(text)
    return match[1] if match else None
