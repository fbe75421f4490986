"""`--set KEY=VALUE`: keys of config.yaml on the command line, in YAML, but no secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from dlws.config.finding import KeyPath, dotted, shown
from dlws.config.validation import is_secret, secrets_in
from dlws.init.listing import BadList
from dlws.parse import plain_yaml
from dlws.parse.mappings import merged


def from_options(texts: Iterable[str]) -> dict[str, Any]:
    """The keys and values of all `--set`, as nested mappings. Raises BadList.

    >>> from_options(["suite.ssh_port=2222", "dockers.tag='1.9'"])
    {'suite': {'ssh_port': 2222}, 'dockers': {'tag': '1.9'}}
    """
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, written = text.partition("=")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            raise BadList(f"--set {shown(key)}: no key and value (write it like --set suite.images=prebuilt)")
        try:
            value: Any = plain_yaml.load(written)
        except yaml.YAMLError:
            raise BadList(f"--set {dotted(path)}: the value is not YAML (quote it)") from None
        if any(is_secret(where) or any(secrets_in(where, leaf)) for where, leaf in _leaves(path, value)):
            raise BadList(f"--set {dotted(path)}: a secret shows on a command line (write it into the file afterwards)")
        for part in reversed(path):
            value = {part: value}
        settings = merged(settings, value)
    return settings


def _leaves(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, object]]:
    """The values that are in a value, each with its whole path."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, (dict, list)):
        yield path, value
    for key, below in inside:
        yield from _leaves((*path, key), below)
