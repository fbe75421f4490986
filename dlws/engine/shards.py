"""`--shard K/N`: the K-th of N parts of an audit, each run by a control host of its own.

A shard asks its own machines, and the master for what only the control plane knows. A check that compares machines
gathers what it needs of those of this shard and is judged once, on the evidence of all of them: `dlws reports merge`,
then `--replay`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from dlws.config.cluster import Cluster
from dlws.record.typed_row import part

LATER = "it compares hosts of other shards: judged when the shards are merged"
"""Why a check that gathers has no verdict in a shard."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th, counted from 1, of `of` parts."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def hosts(self, cluster: Cluster) -> frozenset[str]:
        """The names of its machines. UsageError where there are more shards than machines."""
        names = [node.name for node in (*cluster.nodes, *cluster.leaving)]
        if self.of > len(names):
            raise pytest.UsageError(f"--shard {self}: {cluster.name} has {len(names)} machines; make fewer shards")
        return frozenset(divided(names, self.of)[self.number - 1])

    def beyond(self, cluster: Cluster) -> frozenset[str]:
        """The names of the machines that it never connects to."""
        names = {node.name for node in (*cluster.nodes, *cluster.leaving)}
        return frozenset(names - self.hosts(cluster) - {cluster.master.name})


def parse(text: str) -> Shard:
    """The shard that `2/5` names. UsageError for anything else."""
    try:
        return Shard(*part(text))
    except ValueError:
        raise pytest.UsageError(f"--shard {text}: name one of N shards as K/N, from 1/N to N/N") from None


def divided(names: Iterable[str], parts: int) -> list[list[str]]:
    """The names in parts of equal size, give or take one.

    Each name ranks the parts by itself and goes to the first that has room (rendezvous hashing), so that a machine
    that is added or removed moves few others.
    """
    every = sorted(names, key=_digest)
    size, larger = divmod(len(every), parts)
    divided: list[list[str]] = [[] for _ in range(parts)]
    for name in every:
        left = larger - sum(len(part) > size for part in divided)
        room = size + 1 if left else size
        ranked = sorted(range(parts), key=lambda at: _digest(f"{at} {name}"))
        divided[next(at for at in ranked if len(divided[at]) < room)].append(name)
    return divided


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
