"""The platform as its checkout renders it. That is found out in this process, so it is a note: a replay needs no
checkout, and what is written down are names, digests and paths, never what was rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from dlws.config.cluster import Cluster
from dlws.platform import rendering, renderings
from dlws.platform.renderings import Platform
from dlws.platform.templates import TemplateError
from dlws.remote.notes import Notes
from dlws.upstream.checkout import CheckoutError
from dlws.verdict import Unknown

T = TypeVar("T")


def ask(notes: Notes, question: str, cluster: Cluster, find: Callable[[Platform], T]) -> T:
    """What the rendered platform answers, as plain JSON. Unknown while it cannot be rendered."""
    return notes.take(question, lambda: of(cluster, find))


def of(cluster: Cluster, find: Callable[[Platform], T]) -> T:
    """What the rendered platform answers. Unknown while it cannot be rendered."""
    demand_id(cluster)
    try:
        return find(renderings.of(cluster))
    except (CheckoutError, TemplateError) as error:
        raise Unknown(f"the platform cannot be rendered: {error}") from None


def troubles(cluster: Cluster) -> list[str]:
    """What cannot be rendered, a line each (`dlws.platform.renderings.troubles`)."""
    demand_id(cluster)
    return renderings.troubles(cluster)


def demand_id(cluster: Cluster) -> None:
    """Unknown before the cluster has its id: what is rendered then names another database than what is later."""
    if rendering.cluster_id(cluster) is None:
        raise Unknown(f"{cluster.name} has no cluster id yet (runbook 3.4): the platform's database is named after it")


def sha256(text: str) -> str:
    """The digest of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()
