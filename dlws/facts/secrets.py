"""Secrets of config.yaml where everybody can read them."""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.parse.text import unparsable
from dlws.remote.host import Host

SHORTEST_SECRET = 8  # characters; a shorter secret stands in innocent texts too


def processes_with_a_secret(cluster: Cluster, host: Host) -> list[str]:
    """The processes, by pid alone. The command lines are not written down: they may hold other people's secrets."""
    secrets = [secret for secret in cluster.secrets if len(secret) >= SHORTEST_SECRET]
    text = host.read_secret("ps -eo pid=,args= -ww")
    rows = [re.fullmatch(r"\s*([0-9]+) (.*)", line) for line in text.splitlines() if line.strip()]
    if None in rows or not rows:
        raise unparsable("ps", why="listing not understood")
    return [f"process {row[1]}" for row in rows if row and any(secret in row[2] for secret in secrets)]
