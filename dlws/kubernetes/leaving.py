"""Objects that are being deleted, and what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dlws.kubernetes.objects import Object, condition, instant, name_of

KINDS: Final = (
    "namespaces",
    "customresourcedefinitions",
    "persistentvolumes",
    "persistentvolumeclaims",
    "nodes",
    "services",
    "deployments",
    "daemonsets",
    "statefulsets",
    "replicasets",
    "jobs",
    "configmaps",
    "secrets",
    "serviceaccounts",
)
"""What DLWS is made of and somebody may have guarded with a finalizer; pods are W05's."""
SOON: Final = timedelta(minutes=1)
"""Twice as long as a pod may take to end. What only waits for its finalizers is gone within a second."""
PATIENCE: Final = timedelta(minutes=5)
"""How long a namespace may take to delete what is in it."""
REMAINING: Final = "NamespaceContentRemaining"
TROUBLE: Final = (
    "DiscoveryFailure",
    "GroupVersionParsingFailure",
    "ContentFailure",
    "FinalizersRemaining",
    "ContentRemaining",
)
"""What a namespace says of its own deletion (conditions `NamespaceDeletion…` and `Namespace…`, from 1.16 on)."""


def custom_kinds(definitions: Sequence[Object]) -> list[str]:
    """What customresourcedefinitions add to KINDS: `jobs.batch.example.com/v1`.

    One that is not served (yet, or any more) is left out. The stored version needs no webhook that converts it.
    """
    found = []
    for definition in (each for each in definitions if condition(each, "Established") == "True"):
        served = [version for version in definition["spec"]["versions"] if version["served"]]
        stored = [version for version in served if version["storage"]]
        found += [f"{name_of(definition)}/{version['name']}" for version in (stored or served)[:1]]
    return found


def stuck(thing: Object, now: datetime) -> str:
    """Why an object that is being deleted does not go away; empty if it has not been given time to.

    A namespace whose content is still going away is given 5 minutes, everything else one.
    """
    late = now - instant(thing["metadata"]["deletionTimestamp"])
    said = _said(thing)
    patience = PATIENCE if set(said) == {REMAINING} else SOON
    if late <= patience:
        return ""
    holders = [*(thing["metadata"].get("finalizers") or ()), *((thing.get("spec") or {}).get("finalizers") or ())]
    held = f"held by {', '.join(holders)}" if holders else "held by nothing that it names"
    return "; ".join([f"being deleted for {int(late.total_seconds())} s", held, *said.values()])


def _said(thing: Object) -> dict[str, str]:
    """What a namespace's conditions name as left to do, by condition."""
    conditions = (thing.get("status") or {}).get("conditions") or ()
    return {
        str(c["type"]): str(c.get("message") or c["type"])
        for c in conditions
        if c["status"] == "True" and str(c["type"]).endswith(TROUBLE)
    }
