"""Values of a whole cluster that are computed once: what each of its hosts would otherwise ask for anew."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

C = TypeVar("C")
"""A `Cluster`, which uses this itself."""
T = TypeVar("T")


def kept(compute: Callable[[C], T]) -> Callable[[C], T]:
    """Make a function of a cluster compute its value once, and keep it as long as that cluster object lives.

    A cluster never changes. It is told apart by identity: to compare two costs time in the number of their hosts.
    """
    values: dict[int, T] = {}

    @wraps(compute)
    def value(cluster: C) -> T:
        key = id(cluster)
        if key not in values:
            values[key] = compute(cluster)
            weakref.finalize(cluster, values.pop, key, None)
        return values[key]

    return value
