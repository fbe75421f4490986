"""/etc/docker/daemon.json: a strict parser, and an edit that keeps all other keys (runbook 3.9)."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from dlws.parse.mappings import merged
from dlws.parse.text import unparsable

SOURCE = "daemon.json"


def parse(text: str) -> dict[str, Any]:
    """The object in the file; {} for an empty or missing file ("").

    Raises Unparsable for what dockerd rejects (broken JSON, not an object), for duplicate keys, of which dockerd
    silently uses the last, and for a byte-order mark or NaN.
    """
    if not text.strip(" \t\r\n"):
        return {}
    try:
        settings = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
        json.dumps(settings, allow_nan=False)  # raises for 1e999, which json.loads reads as infinity
    except (ValueError, RecursionError) as error:
        raise unparsable(SOURCE, str(error)) from error
    if not isinstance(settings, dict):
        raise unparsable(SOURCE, why="not a JSON object")
    return settings


def merge(existing: str, wanted: Mapping[str, Any]) -> str:
    """The file's text with `wanted` merged in: objects key by key, other values replaced, everything else kept.

    A file that already contains all of it is returned byte for byte. Raises Unparsable for broken JSON.
    """
    before = parse(existing)
    after = merged(before, wanted)
    if existing.strip() and json.dumps(after) == json.dumps(before):
        return existing
    return json.dumps(after, indent=4) + "\n"


def insecure_registry(written: str) -> str:
    """An entry of `insecure-registries` as dockerd holds it: without a scheme, a range without its host bits.

    As moby's registry/config.go, loadInsecureRegistries.
    """
    name = re.sub(r"^(?i:https?)://", "", written)
    try:
        return str(ipaddress.ip_network(name, strict=False)) if "/" in name else name
    except ValueError:
        return name


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"duplicate key {key!r}")
        values[key] = value
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
