"""The JSON schema of config.yaml, for editors: its form from `dlws.config.schema`, its words from the documentation.

What a key is for is said once, in the tables of docs/configuration.md; where an installation has no such page, what the
models say of a section is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dlws.config.schema import Configuration
from dlws.config.section import Section

PAGE: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_UNDER: Final = {"Machines": ("machines.*", "scale_up.*", "scale_down.*"), "The section `suite`": ("suite",)}
"""By heading of the page, below which keys its table's first column is."""


def json_schema(page: str) -> dict[str, Any]:
    """The schema. `page` is the text of docs/configuration.md; empty for no descriptions from it."""
    schema = Configuration.model_json_schema(by_alias=True, mode="validation")
    _open(schema)
    for key, words in descriptions(page).items():
        for found in parts(schema, schema, key.split(".")):
            found["description"] = words
    return {"$schema": DIALECT, **schema, "title": "config.yaml of a DLWS cluster"}


def descriptions(page: str) -> dict[str, str]:
    """By key, dotted, with `*` for any name (`machines.*.role`), what the page's tables say of it."""
    found: dict[str, str] = {}
    heading, titles = "", [""]
    for line in page.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ").strip()
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and not cells[0].startswith(("`", "-")):
            titles = cells
        elif line.startswith("| `") and titles[0] == "key":
            last = [f"{titles[-1]}: {cells[2]}" if titles[-1] else cells[2]] if len(cells) > 2 and cells[2] else []
            words = _plain("; ".join(filter(None, [cells[1], *last])))
            for key in _keys(cells[0]):
                found |= {".".join([*filter(None, [under]), key]): words for under in _UNDER.get(heading, ("",))}
    return found


def _open(schema: dict[str, Any]) -> None:
    """Take out what is only pydantic's: titles made of names, and that sections forbid DLWorkspace's own keys."""
    every = subclasses(Section)
    for name, part in (("Configuration", schema), *schema["$defs"].items()):
        if name in every and every[name].tolerates_unknown_keys:
            del part["additionalProperties"]
        for below in (part, *part.get("properties", {}).values()):
            below.pop("title", None)


def subclasses(of: type[Section]) -> dict[str, type[Section]]:
    """All kinds of a section by name."""
    found = {kind.__name__: kind for kind in of.__subclasses__()}
    return found | {name: kind for below in found.values() for name, kind in subclasses(below).items()}


def _keys(cell: str) -> Iterator[str]:
    """The keys of a cell: `jwt.{secret_key,algorithm}` are two, `acceptance.two_hosts.<gpuType>.image` has any name."""
    for written in re.findall(r"`([^`]+)`", cell):
        key = re.sub(r"<[^<>]+>", "*", written)
        braces = _BRACES.search(key)
        names = braces[1].split(",") if braces else [""]
        yield from (_BRACES.sub(name.strip(), key, count=1) if braces else key for name in names)


def _plain(text: str) -> str:
    """A cell without the page's marks: links, code, bold."""
    text = re.sub(r"\[([^\[\]]+)\]\([^()]+\)", r"\1", text)
    return re.sub(r"[`*]", "", text).replace("\\|", "|")


def parts(schema: Mapping[str, Any], within: dict[str, Any], path: list[str]) -> Iterator[dict[str, Any]]:
    """The parts of a schema that describe a key: none where no model has it."""
    for section in _alternatives(schema, within):
        if not path:
            continue
        name, rest = path[0], path[1:]
        below = section.get("additionalProperties") if name == "*" else section.get("properties", {}).get(name)
        if isinstance(below, dict):
            yield from parts(schema, below, rest) if rest else [below]


def _alternatives(schema: Mapping[str, Any], within: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a part of a schema is or refers to: `Section | None` is a section, or null."""
    if "$ref" in within:
        yield schema["$defs"][within["$ref"].rpartition("/")[2]]
    yield from (found for part in within.get("anyOf", ()) for found in _alternatives(schema, part))
    yield within
