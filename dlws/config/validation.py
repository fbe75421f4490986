"""Validates a Document against the schema; each violation becomes a finding with its position."""

from __future__ import annotations

import difflib
import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, Level, dotted, errors, shown
from dlws.config.schema import Configuration
from dlws.config.section import Section
from dlws.upstream import known_keys

_SECRET_KEY: Final = re.compile(
    r"passw|passphrase|secret(?!s$)|privatekey(?!.*(path|file))"
    r"|((?<!by)pass|pwd|pw|tokens?|credentials?|creds?|cookies?|bearer|licen[cs]e|webhook(url)?|connectionstring|dsn)$"
    r"|((basic|registry|proxy)|^)auth$"
    r"|(access|account|activation|aes|api|auth|client|encryption|fernet|hmac|jwt|licen[cs]e)key(s|id)?$"
    r"|(master|rsa|session|shared|sign|signing|storage|token)key(s|id)?$"
)
"""In a key in small letters without `_`, `-` and `.`."""
_PASSWORD_IN_URL: Final = re.compile(r"://[^/\s:@]*:(?P<secret>[^/\s@]+)@")
_PASSWORD_IN_PAIRS: Final = re.compile(r"(?i)\b(?:password|pwd|\w*key)=(?P<secret>[^;\s]+)")

_EXPECTED: Final = {
    "string_type": ("text", "quote it"),
    "int_type": ("a whole number", "write digits without quotes"),
    "int_from_float": ("a whole number", "write digits without quotes"),
    "bool_type": ("true or false", "write true or false without quotes"),
    "tuple_type": ("a list", "write `- item` lines or [item, item]"),
    "dict_type": ("a mapping", "write `key: value` lines under it"),
    "model_type": ("a mapping", "write `key: value` lines under it"),
    "model_attributes_type": ("a mapping", "write `key: value` lines under it"),
}


def is_secret(path: KeyPath) -> bool:
    """Whether the value of a key must not be shown, by the key's name: `mysql_password`, `AppSecret`, `accessKeyId`."""
    return any(isinstance(part, str) and _SECRET_KEY.search(_squeezed(part)) is not None for part in path)


def secrets_in(path: KeyPath, value: object) -> Iterator[str]:
    """What is secret of the value of a key: all of it, and the password alone that is in it, by the key's name; or the
    password of a URL, whatever the key.
    """
    text = "" if value is None or isinstance(value, bool) else str(value)
    yield from (match["secret"] for match in _PASSWORD_IN_URL.finditer(text))
    if is_secret(path):
        yield text
        yield from (match["secret"] for match in _PASSWORD_IN_PAIRS.finditer(text))
        if _squeezed(str(path[-1])) == "basicauth":  # `password,user,uid`: a line of the API server's file
            yield text.partition(",")[0]


def is_for_templates(path: KeyPath) -> bool:
    """Whether only DLWorkspace's templates know what the value of a key means: no key of the schema leads to it."""
    if path[:1] and path[0] in Configuration.for_templates:
        return True
    model: Any = Configuration
    for part in path:
        if not (isinstance(model, type) and issubclass(model, Section)):
            return False  # in a mapping or list, which the schema knows
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in fields:
            return True
        annotation = fields[str(part)].annotation
        model = section_in(annotation) if typing.get_origin(annotation) not in (dict, tuple) else None
    return False


def _squeezed(key: str) -> str:
    return re.sub(r"[_.\- ]", "", key).lower()


def validate(document: Document) -> tuple[Configuration | None, list[Finding]]:
    """The configuration as a model, or None if it does not fit the schema; and all findings about its form."""
    try:
        return _model(document.data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    unknown = {tuple(detail["loc"]): _near_key(tuple(detail["loc"])) for detail in details if _is_unknown(detail)}
    misspelt = {(*path[:-1], near) for path, near in unknown.items() if near}
    findings: dict[tuple[str, str], Finding] = {}
    for detail in details:
        if detail["type"] == "missing" and tuple(detail["loc"]) in misspelt:
            continue  # reported as an unknown key already
        for finding in _findings(document, detail):
            findings[finding.key, finding.message] = finding
    if len(unknown) == len(details) and not errors(findings.values()):
        return _model(_without(document.data, list(unknown))), list(findings.values())
    return None, list(findings.values())


def settings_of(data: Mapping[str, Any]) -> Configuration:
    """The model of a configuration that was valid before. Raises ValidationError if it is not valid now."""
    try:
        return _model(data)
    except ValidationError as error:
        unknown = [tuple(detail["loc"]) for detail in error.errors(include_url=False) if _is_unknown(detail)]
    return _model(_without(data, unknown))


def _model(data: Mapping[str, Any]) -> Configuration:
    """The model, built from JSON: there pydantic's strict mode accepts lists for tuples and text for enums."""
    return Configuration.model_validate_json(json.dumps(data))


def _is_unknown(detail: ErrorDetails) -> bool:
    return detail["type"] == "extra_forbidden"


def _findings(document: Document, detail: ErrorDetails) -> Iterable[Finding]:
    path: KeyPath = tuple(detail["loc"])
    context = detail.get("ctx", {})
    if path and path[-1] == "[key]":  # pydantic's name for the key itself
        yield document.at_key(path[:-1], context.get("message", detail["msg"]), context.get("fix", "correct the key"))
        return
    value = None if is_secret(path) else detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            yield from _unknown_key(document, path)
        case "missing":
            fix = f"add `{path[-1]}:` " + (f"under {dotted(path[:-1])}" if path[:-1] else "at the top level")
            yield document.at_key(path, "required key is missing", fix)
        case "refused":
            yield document.at_value(path, context["message"], context["fix"])
        case "literal_error" | "enum":
            allowed = str(context["expected"]).replace("'", "").replace("True", "true")
            yield document.at_value(path, f"must be {allowed}, is {_described(value, path)}", f"write {allowed}")
        case "too_short" | "too_long":
            limit = context.get("min_length", context.get("max_length", 0))
            if detail["type"] == "too_short" and len(document.get(*path)) >= limit:
                return  # pydantic does not count entries that are invalid themselves
            bound = "at least" if detail["type"] == "too_short" else "at most"
            yield document.at_value(path, f"needs {bound} {limit} {'entry' if limit == 1 else 'entries'}", "list them")
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            rule = detail["msg"].removeprefix("Input should be ")
            yield document.at_value(path, f"must be {rule}, is {_described(value, path)}", "correct the number")
        case "string_type" if detail["input"] is None:
            yield document.at_value(path, "is empty", 'write the value, or "" for none')
        case kind if kind in _EXPECTED:
            expected, fix = _EXPECTED[kind]
            yield document.at_value(path, f"must be {expected}, is {_described(value, path)}", fix)
        case _:
            yield document.at_value(path, shown(detail["msg"])[1:-1], "correct the value")


def _described(value: object, path: KeyPath) -> str:
    return "something else" if is_secret(path) else shown(value)


def _unknown_key(document: Document, path: KeyPath) -> Iterable[Finding]:
    section = _section(Configuration, path[:-1])
    if path[-1] in known_keys.within(path[:-1]):
        return
    near = _near_key(path)
    if near:
        yield document.at_key(path, "unknown key", f"did you mean {near}?")
    elif section.tolerates_unknown_keys:
        message = "unknown key: neither the suite nor DLWorkspace's defaults have it"
        yield document.at_key(path, message, "remove it if no template of yours reads it", Level.WARNING)
    else:
        yield document.at_key(path, "unknown key", f"known here: {', '.join(sorted(_known_keys(path)))}")


def _known_keys(path: KeyPath) -> set[str]:
    """The keys that are allowed in the section of the last key of `path`."""
    fields = _section(Configuration, path[:-1]).model_fields
    return {field.alias or name for name, field in fields.items()} | known_keys.within(path[:-1])


def _near_key(path: KeyPath) -> str | None:
    keys = _known_keys(path)
    return None if path[-1] in keys else nearest(str(path[-1]), keys)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is closest to `word`, ignoring case; None if none is close enough."""
    by_lower = {candidate.lower(): candidate for candidate in sorted(choices)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.8)
    return by_lower[near[0]] if near else None


def _section(model: type[Section], path: KeyPath) -> type[Section]:
    """The model that describes the mapping at `path`."""
    for part in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in fields:
            model = section_in(fields[str(part)].annotation) or model
    return model


def section_in(annotation: Any) -> type[Section] | None:
    """The Section inside an annotation such as `Section | None` or `dict[str, Section]`."""
    if typing.get_origin(annotation) is None:
        return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None
    return next(filter(None, map(section_in, typing.get_args(annotation))), None)


def _without(data: Mapping[str, Any], paths: list[KeyPath]) -> dict[str, Any]:
    """A copy of `data` that lacks the keys at `paths`."""
    dropped = {path[0] for path in paths if len(path) == 1}
    kept = {key: value for key, value in data.items() if key not in dropped}
    for head in {path[0] for path in paths if len(path) > 1}:
        kept[str(head)] = _without(kept[str(head)], [path[1:] for path in paths if len(path) > 1 and path[0] == head])
    return kept
