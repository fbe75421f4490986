"""Whether a rendered file says what the parameters say.

V0.1.6.1's templates write most values without quotes and escape none: `smtp_auth_password: {{...}}` with `a #1` is the
password `a`, and `"{{...}}"` with a quote in it breaks the file for whoever reads it. Each value is compared with what
is read in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import yaml

from dlws.parse import plain_yaml
from dlws.platform.template_process import BEGIN, END

_MARKED: Final = re.compile(f"{BEGIN}([^{BEGIN}{END}]*){END}")
_STAND_IN: Final = re.compile("zq([0-9]+)qz")
"""A word that reads as itself wherever it stands: in the place of a value, by its number."""
_NESTED: Final = (".yml", ".yaml", ".rules", ".json")
"""The ends of names of files, and of keys of a ConfigMap, whose texts are read in turn."""
_ENVIRONMENT: Final = ".config"
"""The end of the name of a file of variables, `KEY=value` (the user dashboard's local.config)."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(marked: str) -> str:
    """The text of a rendered file, without the marks around its values."""
    return _MARKED.sub(lambda match: match[1], marked)


def changed(marked: str, name: str, exempt: Collection[str] = (), words: Collection[str] = ()) -> list[str]:
    """The values that are read otherwise than they are written, in order; a file of another form has none.

    A number or True that was written as text counts as the same, as services read a port so; but not one of `words`:
    a password of digits, unquoted, is a number to its reader and no password. Those of `exempt` are not compared.
    """
    if not name.endswith((*_NESTED, _ENVIRONMENT)):
        return []
    values = list(dict.fromkeys(value for value in _MARKED.findall(marked) if value not in exempt))
    if not values or _comes_through(marked, name, values, values, words):
        return []
    return [value for value in values if not _comes_through(marked, name, [value], values, words)] or values


def _comes_through(marked: str, name: str, written: list[str], every: list[str], words: Collection[str]) -> bool:
    """Whether the values `written` are read back, with stand-ins for the others of `every`."""
    numbers = {value: number for number, value in enumerate(every)}

    def standing_in(match: re.Match[str]) -> str:
        return f"zq{numbers[match[1]]}qz" if match[1] in numbers else match[1]

    def real(match: re.Match[str]) -> str:
        return match[1] if match[1] in written else standing_in(match)

    try:
        expected = _read(_MARKED.sub(standing_in, marked), name)
    except ValueError:
        return True  # the template's own fault, which its reader names
    try:
        found = _read(_MARKED.sub(real, marked), name)
    except ValueError:
        return False
    texts = {number: value for value, number in numbers.items() if value in written}
    return all(_same(*pair, texts, words) for pair in _pairs(expected, found, name))


def _read(text: str, name: str) -> Any:
    """ValueError if it cannot be read."""
    if name.endswith(_ENVIRONMENT):
        return dict(_variables(text))
    try:
        return json.loads(text) if name.endswith(".json") else plain_yaml.load_all(text, _LOADER)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(name) from error


def _variables(text: str) -> Iterator[tuple[str, str]]:
    """The variables of a file as npm's dotenv reads it from version 15 on: unquoted, a # ends a value."""
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or key.startswith("#"):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
            yield key, value[1:-1].replace("\\n", "\n") if value[0] == '"' else value[1:-1]
        else:
            yield key, value.partition("#")[0].rstrip()


def _pairs(expected: Any, found: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Each plain value of `expected` with the one in its place; two that differ where the forms do."""
    if isinstance(expected, dict) and isinstance(found, dict) and len(expected) == len(found):
        for (key, value), (found_key, found_value) in zip(expected.items(), found.items(), strict=True):
            yield key, found_key
            yield from _pairs(value, found_value, str(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for value, found_value in zip(expected, found, strict=True):
            yield from _pairs(value, found_value, name)
    elif isinstance(expected, str) and isinstance(found, str) and "\n" in expected and name.endswith(_NESTED):
        yield from _pairs(*_nested(expected, found, name), "")
    else:
        yield expected, found


def _nested(expected: str, found: str, name: str) -> tuple[Any, Any]:
    """A file within a file as it is read; as text where it cannot be read with stand-ins, None where not without."""
    try:
        within = _read(expected, name)
    except ValueError:
        return expected, found
    try:
        return within, _read(found, name)
    except ValueError:
        return within, None


def _same(expected: Any, found: Any, texts: dict[int, str], words: Collection[str]) -> bool:
    if not isinstance(expected, str):
        return bool(expected == found)
    wanted = _STAND_IN.sub(lambda match: texts.get(int(match[1]), match[0]), expected)
    return bool(found == wanted or (isinstance(found, int | float) and str(found) == wanted and wanted not in words))
