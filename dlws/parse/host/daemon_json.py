"""/etc/docker/daemon.json: a strict parser, and an edit that keeps all other keys (runbook 3.9).

What dockerd makes of a key that is a flag, too: moby's daemon/config/config.go, findConfigurationConflicts (20.10.24).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from dlws.parse.mappings import merged
from dlws.parse.text import unparsable

SOURCE = "daemon.json"
_LETTERS: Final = {
    "-b": "bridge",
    "-D": "debug",
    "-g": "graph",
    "-G": "group",
    "-H": "host",
    "-l": "log-level",
    "-p": "pidfile",
    "-s": "storage-driver",
}
_PLURALS: Final = frozenset(
    "authorization-plugin cdi-spec-dir cluster-store-opt default-address-pool default-network-opt"  # noqa: SIM905
    " default-ulimit dns-opt exec-opt feature host host-gateway-ip label log-opt node-generic-resource nri-opt"
    " registry-mirror storage-opt".split()
)
"""Flags that may be given several times; the key of all their values has an s behind."""
_OTHER_NAMES: Final = {"insecure-registry": "insecure-registries"}
_MAY_BE_BOTH: Final = frozenset({"add-runtime"})
"""Of a runtime dockerd takes flags and the key `runtimes`, and adds them."""


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


def keys_of_flags(words: Iterable[str]) -> frozenset[str]:
    """The keys that stand for the flags of a command line: of `-H fd://`, `hosts`.

    dockerd does not start where one of them is in the file, too, even with the same value.
    """
    flags = {
        _LETTERS.get(word[:2], "") if word[1:2] != "-" else word[2:].partition("=")[0]
        for word in words
        if word[:1] == "-"
    }
    plain = {flag for flag in flags if flag and flag not in _MAY_BE_BOTH}
    return frozenset(_OTHER_NAMES.get(flag, f"{flag}s" if flag in _PLURALS else flag) for flag in plain)


def cgroup_driver(settings: Mapping[str, Any]) -> str | None:
    """The cgroup driver that the file asks for, `native.cgroupdriver=systemd` of `exec-opts`; None if none.

    Of several the first counts, in capitals or not (moby daemon_unix.go, getCD).
    """
    written = settings.get("exec-opts")
    options = [str(option).partition("=") for option in written] if isinstance(written, list) else []
    return next((value for name, _, value in options if name.strip().lower() == "native.cgroupdriver"), None)


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
