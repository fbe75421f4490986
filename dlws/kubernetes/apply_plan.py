"""Which objects a server-side apply would change: compares rendered manifests with the objects on the API server.

It compares field by field, not by a digest in an annotation: a digest does not show that an object was edited since,
and objects that deploy.py or kubectl created have none, so every first plan would be full of changes. Two sets of
fields count: those in the manifest (the server's defaults are not ours), and those that the server records as ours and
the manifest no longer has, in `metadata.managedFields` of our field manager; the server itself removes fields by that
record (Kubernetes documentation, server-side apply).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from dlws.kubernetes.objects import Object, name_of, quantity
from dlws.verdict import Unparsable

FIELD_MANAGER: Final = "dlws-suite"
"""The name under which the suite applies (remote.kubernetes)."""
_QUANTITY: Final = re.compile(r"\.(limits|requests)\.[^\[]+")
"""The paths whose values are quantities: 1024Mi equals 1Gi."""
_OMITTED_WHEN_FALSE: Final = frozenset(
    """
    hostIPC hostNetwork hostPID insecureSkipTLSVerify paused publishNotReadyAddresses readOnly stdin stdinOnce tty
    """.split()  # noqa: SIM905
)
"""Fields that the API drops when they are false; it keeps other false fields."""
_DEFAULTED: Final = frozenset({"apiGroup"})
"""Fields that the API fills in within items of atomic lists: subjects of role bindings."""
MOST_SHOWN: Final = 5
"""Paths that a plan shows for one object."""


class Effect(StrEnum):
    """The effect of an apply on one object."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Planned:
    """One object, and the paths of the fields that differ; no values, because one may be a secret."""

    manifest: Object = field(repr=False)
    action: Effect
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        title = f"{self.manifest['kind']} {name_of(self.manifest)}"
        shown = ", ".join(self.paths[:MOST_SHOWN])
        more = f" and {len(self.paths) - MOST_SHOWN} more" if len(self.paths) > MOST_SHOWN else ""
        return f"{self.action} {title}" + (f": {shown}{more}" if shown else "")


def plan(manifests: Iterable[Object], live: Mapping[Key, Object]) -> tuple[Planned, ...]:
    """The effect of applying these manifests, in their order. `live` is the existing objects by `key_of`."""
    return tuple(planned(manifest, live.get(key_of(manifest))) for manifest in manifests)


def planned(manifest: Object, live: Object | None) -> Planned:
    """The effect of applying one manifest; `live` is None if there is no such object."""
    if live is None:
        return Planned(manifest, Effect.CREATE)
    paths = tuple(differences(manifest, live))
    return Planned(manifest, Effect.CHANGE if paths else Effect.KEEP, paths)


Key = tuple[str, str, str, str]


def key_of(thing: Object) -> Key:
    """The identity of an object: API group, kind, namespace and name.

    The namespace is `default` if none is written, and also for objects without namespaces.
    """
    metadata, version = thing["metadata"], str(thing["apiVersion"])
    group = version.rpartition("/")[0]
    return group, str(thing["kind"]), str(metadata.get("namespace") or "default"), str(metadata["name"])


def differences(manifest: Object, live: Object) -> Iterator[str]:
    """The paths that an apply would change: `spec.template.spec.containers[nginx].image`. Empty if there are none."""
    owned = _owned(live)
    if manifest["kind"] == "Secret":
        manifest, live = _without_values(manifest, manifest.get("data") or ()), _without_values(live, _data_of(owned))
    for key in manifest:
        if key not in ("apiVersion", "kind", "metadata", "status"):
            yield from _differing(manifest[key], live.get(key), owned.get(f"f:{key}"), key)
    about, live_about = manifest["metadata"], live["metadata"]
    for key in ("labels", "annotations"):
        within = (owned.get("f:metadata") or {}).get(f"f:{key}")
        yield from _differing(about.get(key) or {}, live_about.get(key), within, f"metadata.{key}")
    removed = [key[2:] for key in owned if key.startswith("f:") and key[2:] not in manifest]
    yield from (key for key in removed if key not in ("metadata", "status"))


def _without_values(secret: Object, keys: Iterable[str]) -> Object:
    """A Secret with these keys alone: nobody gets its values. The manifest has a digest of them in its annotations."""
    return {**secret, "data": dict.fromkeys(keys, True)}


def _data_of(owned: Mapping[str, Any]) -> Iterator[str]:
    """The keys of `data` that are still as our last apply set them: who edits a value owns it from then on."""
    return (key[2:] for key in owned.get("f:data") or () if key.startswith("f:"))


def _owned(live: Object) -> Mapping[str, Any]:
    """The fields that our last apply set (FieldsV1)."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            fields: Mapping[str, Any] = entry.get("fieldsV1") or {}
            return fields
    return {}


def _differing(wanted: Any, live: Any, owned: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping):
        if live is None and not wanted and not owned:
            return
        yield from _mapping(wanted, live, owned, path) if isinstance(live, Mapping) or not wanted else (path,)
    elif isinstance(wanted, list):
        if live is None and not wanted:
            return
        yield from _list(wanted, live, owned, path) if isinstance(live, list) else (path,)
    elif wanted is not None and wanted != live and not _same_to_the_api(wanted, live, path):
        yield path


def _mapping(
    wanted: Mapping[str, Any], live: Mapping[str, Any] | None, owned: Mapping[str, Any] | None, path: str
) -> Iterator[str]:
    owned = owned or {}
    for key, value in wanted.items():
        yield from _differing(value, (live or {}).get(key), owned.get(f"f:{key}"), f"{path}.{key}")
    for key in owned:
        if key.startswith("f:") and key[2:] not in wanted:
            yield f"{path}.{key[2:]}"


def _list(wanted: list[Any], live: list[Any], owned: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    """Plain items must be equal; mappings are paired by the field that identifies them, if there is one."""
    if not all(isinstance(item, Mapping) for item in [*wanted, *live]):
        if wanted != live:
            yield path
        return
    if not owned and len(wanted) != len(live):  # replaced as a whole, or nothing is known about it
        yield path
        return
    if owned is not None and not owned:
        yield from _replaced(wanted, live, path)
        return
    rest = list(live)
    for at, item in enumerate(wanted):
        partner = _partner(item, rest)
        if partner is not None:
            rest.remove(partner)
        where = f"{path}[{item.get('name', at)}]"
        entry = next((fields for key, fields in (owned or {}).items() if _names(key, item)), None)
        yield from (where,) if partner is None else _differing(item, partner, entry, where)
    for key in owned or {}:
        if key.startswith("k:") and not any(_names(key, item) for item in wanted):
            yield f"{path}[{key[2:]}]"


def _replaced(wanted: list[Any], live: list[Any], path: str) -> Iterator[str]:
    """A list that an apply replaces entirely: a field of an item that is not in the manifest would be removed."""
    for at, (item, present) in enumerate(zip(wanted, live, strict=True)):
        where = f"{path}[{at}]"
        yield from _differing(item, present, None, where)
        yield from (f"{where}.{key}" for key in present if key not in item and key not in _DEFAULTED)


def _partner(item: Mapping[str, Any], candidates: list[Any]) -> Mapping[str, Any] | None:
    """The live item that matches: the one with the same name or place, else one with all fields of `item`."""
    for key in ("name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey"):
        if key in item:
            same = [c for c in candidates if c.get(key) == item[key]]
            return next((c for c in same if not any(_differing(item, c, None, ""))), same[0] if same else None)
    return next(
        (c for c in candidates if not any(_differing(item, c, None, ""))), candidates[0] if candidates else None
    )


def _names(key: str, item: Mapping[str, Any]) -> bool:
    """Whether a FieldsV1 key, `k:{"containerPort":80,"protocol":"TCP"}`, names this item; it may omit defaults."""
    if not key.startswith("k:"):
        return False
    return all(item.get(name, value) == value for name, value in json.loads(key[2:]).items())


def _same_to_the_api(wanted: Any, live: Any, path: str) -> bool:
    """Whether two values are the same to the API: a quantity in other units, or a zero that the API omits."""
    if live is None:
        unkept = path.rpartition(".")[2] in _OMITTED_WHEN_FALSE
        return wanted == "" or (wanted is False and unkept) or (wanted == 0 and wanted is not False)
    if not _QUANTITY.search(path):
        return False
    try:
        return quantity(wanted) == quantity(live)
    except Unparsable:
        return False
