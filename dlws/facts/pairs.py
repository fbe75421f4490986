"""Which pairs of hosts are tested where the number of all pairs would be the square of the number of hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.inventory import Node

ALL_PAIRS_UP_TO: Final = 32
"""Hosts up to which every pair is tested. 1,000 hosts have a million pairs: more packets than facts, more names too."""


def partners_in(cluster: Cluster, name: str) -> tuple[Node, ...]:
    """The machines whose way from one of them is tested, in the order of the configuration; all for another name."""
    names, place = _master_first(cluster), _places(cluster)
    chosen = partners(names, name) if name in place else names
    return tuple(cluster.node(one) for one in sorted(chosen, key=place.__getitem__))


@kept
def _master_first(cluster: Cluster) -> tuple[str, ...]:
    return tuple(dict.fromkeys([cluster.master.name, *(node.name for node in cluster.nodes)]))


@kept
def _places(cluster: Cluster) -> Mapping[str, int]:
    return {node.name: place for place, node in enumerate(cluster.nodes)}


def partners(names: Sequence[str], one: str) -> tuple[str, ...]:
    """Those of `names` whose way from `one` is tested: of up to ALL_PAIRS_UP_TO all others.

    Of more, the first of them (the master) and those 1, 2, 4, 8 ... places behind `one`, round the end; from the first
    of them all others. So every host is reached from several, and a part of the hosts that is cut off from the rest is
    seen from its border.

    >>> partners([f"n{n}" for n in range(40)], "n38")
    ('n0', 'n39', 'n2', 'n6', 'n14', 'n30')
    """
    here = names.index(one)
    if len(names) <= ALL_PAIRS_UP_TO or not here:
        return tuple(name for name in names if name != one)
    steps = (1 << power for power in range((len(names) - 1).bit_length()))
    behind = (names[(here + step) % len(names)] for step in steps)
    return tuple(name for name in dict.fromkeys([names[0], *behind]) if name != one)
