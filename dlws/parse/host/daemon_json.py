"""/etc/docker/daemon.json: strict reading, and the edit that keeps every other key (runbook 3.9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from dlws.parse.mappings import merged
from dlws.parse.text import unparsable

SOURCE = "daemon.json"


def parse(text: str) -> dict[str, Any]:
    """The object in the file; an empty or missing file ("") is no configuration, {}.

    Raises Unparsable for what dockerd refuses (broken JSON, not an object), for a duplicate key, of which dockerd
    silently takes the last, and for a byte-order mark or NaN.
    """
    if not text.strip(" \t\r\n"):
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
        json.dumps(found, allow_nan=False)  # 1e999 reads as infinity
    except (ValueError, RecursionError) as error:
        raise unparsable(SOURCE, str(error)) from error
    if not isinstance(found, dict):
        raise unparsable(SOURCE, why="not a JSON object")
    return found


def merge(existing: str, wanted: Mapping[str, Any]) -> str:
    """The text of the file with `wanted` in it: objects are merged key by key, other values replaced, the rest kept.

    A file that already holds all of it comes back byte for byte. Raises Unparsable rather than repair broken JSON.
    """
    before = parse(existing)
    after = merged(before, wanted)
    if existing.strip() and json.dumps(after) == json.dumps(before):
        return existing
    return json.dumps(after, indent=4) + "\n"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"duplicate key {key!r}")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
