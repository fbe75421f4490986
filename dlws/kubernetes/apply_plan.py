"""Which objects a server-side apply would change: rendered manifests against what the API server has.

Field by field, not by a digest kept in an annotation: a digest only tells that the manifest was changed, not that
somebody edited the object since, and objects that deploy.py or kubectl made have none, so every first plan would be
full of changes. Compared is what the manifest says (what the server adds by default is not ours), and what the server
knows to be ours and the manifest no longer says: `metadata.managedFields` of our field manager, which is what the
server itself goes by when it removes fields (Kubernetes documentation, server-side apply).
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
"""Where values are quantities: 1024Mi is 1Gi."""
_OMITTED_WHEN_FALSE: Final = frozenset(
    """
    hostIPC hostNetwork hostPID insecureSkipTLSVerify paused publishNotReadyAddresses readOnly stdin stdinOnce tty
    """.split()  # noqa: SIM905
)
"""Fields that the API does not keep when they are false; other false ones it does keep."""
_DEFAULTED: Final = frozenset({"apiGroup"})
"""What the API fills in within the items of lists that it replaces as a whole: subjects of role bindings."""
MOST_SHOWN: Final = 5
"""Paths that a plan names of one object."""


class Effect(StrEnum):
    """What an apply would do with one object."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Planned:
    """One object, and the fields that differ. Paths only: a value may be a secret."""

    manifest: Object = field(repr=False)
    action: Effect
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        title = f"{self.manifest['kind']} {name_of(self.manifest)}"
        shown = ", ".join(self.paths[:MOST_SHOWN])
        more = f" and {len(self.paths) - MOST_SHOWN} more" if len(self.paths) > MOST_SHOWN else ""
        return f"{self.action} {title}" + (f": {shown}{more}" if shown else "")


def plan(manifests: Iterable[Object], live: Mapping[Key, Object]) -> tuple[Planned, ...]:
    """What an apply of these manifests would do, in their order. `live` holds what there is, by `key_of`."""
    return tuple(planned(manifest, live.get(key_of(manifest))) for manifest in manifests)


def planned(manifest: Object, live: Object | None) -> Planned:
    """What an apply of one manifest would do; `live` is None when there is no such object."""
    if live is None:
        return Planned(manifest, Effect.CREATE)
    paths = tuple(differences(manifest, live))
    return Planned(manifest, Effect.CHANGE if paths else Effect.KEEP, paths)


Key = tuple[str, str, str, str]


def key_of(thing: Object) -> Key:
    """API group, kind, namespace (`default` where none is written) and name: what tells objects apart.

    For an object that has no namespace both sides say `default`.
    """
    about, version = thing["metadata"], str(thing["apiVersion"])
    group = version.rpartition("/")[0]
    return group, str(thing["kind"]), str(about.get("namespace") or "default"), str(about["name"])


def differences(manifest: Object, live: Object) -> Iterator[str]:
    """The paths that an apply would change: `spec.template.spec.containers[nginx].image`. None when nothing would."""
    owned = _owned(live)
    for key in manifest:
        if key not in ("apiVersion", "kind", "metadata", "status"):
            yield from _differing(manifest[key], live.get(key), owned.get(f"f:{key}"), key)
    about, live_about = manifest["metadata"], live["metadata"]
    for key in ("labels", "annotations"):
        within = (owned.get("f:metadata") or {}).get(f"f:{key}")
        yield from _differing(about.get(key) or {}, live_about.get(key), within, f"metadata.{key}")
    gone = [key[2:] for key in owned if key.startswith("f:") and key[2:] not in manifest]
    yield from (key for key in gone if key not in ("metadata", "status"))


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
    """Plain items must be the same ones; mappings are paired by what names them, as far as something does."""
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
    """A list that an apply replaces as a whole, in its order: what an item has beyond the manifest would go."""
    for at, (item, present) in enumerate(zip(wanted, live, strict=True)):
        where = f"{path}[{at}]"
        yield from _differing(item, present, None, where)
        yield from (f"{where}.{key}" for key in present if key not in item and key not in _DEFAULTED)


def _partner(item: Mapping[str, Any], candidates: list[Any]) -> Mapping[str, Any] | None:
    """The live item that is meant: the one of that name or place, else one that holds all that is wanted."""
    for key in ("name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey"):
        if key in item:
            same = [c for c in candidates if c.get(key) == item[key]]
            return next((c for c in same if not any(_differing(item, c, None, ""))), same[0] if same else None)
    return next(
        (c for c in candidates if not any(_differing(item, c, None, ""))), candidates[0] if candidates else None
    )


def _names(key: str, item: Mapping[str, Any]) -> bool:
    """Whether a FieldsV1 key, `k:{"containerPort":80,"protocol":"TCP"}`, is this item; defaults need not be written."""
    if not key.startswith("k:"):
        return False
    return all(item.get(name, value) == value for name, value in json.loads(key[2:]).items())


def _same_to_the_api(wanted: Any, live: Any, path: str) -> bool:
    """Two ways to write one value: a quantity in other units, or a zero that the API leaves out."""
    if live is None:
        unkept = path.rpartition(".")[2] in _OMITTED_WHEN_FALSE
        return wanted == "" or (wanted is False and unkept) or (wanted == 0 and wanted is not False)
    if not _QUANTITY.search(path):
        return False
    try:
        return quantity(wanted) == quantity(live)
    except Unparsable:
        return False
