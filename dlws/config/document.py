"""YAML with positions: plain values, and for every key path the line and column where it is written.

Deliberately a subset of YAML: no tags (so that only plain values can be made), no anchors, aliases or merge keys (so
that a small file cannot expand), one document, text keys, each key once. deploy.py silently accepts the last of two
equal keys (upstream `utils.py`, `yaml.load`); here that is an error, and reading goes on with the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from dlws.config.finding import Finding, KeyPath, Level, dotted, shown

LARGEST: Final = 1 << 20
"""Bytes; a configuration of a thousand hosts has 0.2 MiB."""
DEEPEST: Final = 32
"""Levels of nesting; the sample has four."""
LONGEST: Final = 4096
"""Characters of one value."""
LONGEST_NUMBER: Final = 20
"""Digits; a longer number stays text."""
MOST_FINDINGS: Final = 200
"""Findings about the form of one file after which reading stops."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final = yaml.resolver.Resolver()
_CONSTRUCTOR: Final = yaml.constructor.SafeConstructor()
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """A YAML file: its plain values (`data`), the positions of keys and values, and findings about its form."""

    file: str
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def get(self, *path: str | int) -> Any:
        """The plain value at a key path; None if there is none.

        >>> document.get("suite", "kubernetes", "cri_socket")
        '/run/cri-dockerd.sock'
        """
        value: Any = self.data
        for part in path:
            match value:
                case dict() if part in value:
                    value = value[part]
                case list() if isinstance(part, int) and part < len(value):
                    value = value[part]
                case _:
                    return None
        return value

    def mapping(self, *path: str | int) -> dict[str, Any]:
        """The mapping at a key path; empty if there is none or the value is not a mapping."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def scalars(self) -> Iterator[tuple[KeyPath, str | int | float | bool]]:
        """Every plain value with its key path, in file order."""
        for path in self.values:
            value = self.get(*path)
            if value is not None and not isinstance(value, dict | list):
                yield path, value

    def key_position(self, path: KeyPath) -> Position:
        """The position of the key at `path`, or of its nearest ancestor that is written."""
        while path:
            where = self.keys.get(path) or self.values.get(path)
            if where is not None:
                return where
            path = path[:-1]
        return Position(1, 1)

    def value_position(self, path: KeyPath) -> Position:
        """The position of the value at `path`, or of its nearest ancestor that is written."""
        return self.values.get(path) or self.key_position(path[:-1])

    def at_key(self, path: KeyPath, message: str, fix: str, level: Level = Level.ERROR) -> Finding:
        """A finding about the key at `path`."""
        where = self.key_position(path)
        return Finding(self.file, where.line, where.column, dotted(path), message, fix, level)

    def at_value(self, path: KeyPath, message: str, fix: str, level: Level = Level.ERROR) -> Finding:
        """A finding about the value at `path`."""
        where = self.value_position(path)
        return Finding(self.file, where.line, where.column, dotted(path), message, fix, level)


def read(content: bytes, file: str) -> Document:
    """The YAML mapping in `content`. Never raises; errors are in `findings`, under the file name `file`."""
    if len(content) > LARGEST:
        return Document(file, findings=[_at_start(file, f"larger than {LARGEST >> 20} MiB", "this is no config.yaml")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        return Document(file, findings=[Finding(file, line, column, "", "not UTF-8 text", "save the file as UTF-8")])
    return _Reader(Document(file, text)).read()


def _at_start(file: str, message: str, fix: str) -> Finding:
    return Finding(file, 1, 1, "", message, fix)


class _Abandon(Exception):
    """The rest of the file cannot be parsed; the reason is among the findings."""


class _Reader:
    """Builds a Document from the parser's events, so that only plain values can ever be constructed."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.events: Iterator[Any] = iter(())
        self.open: list[Position] = []
        """The brackets that are open where the parser is."""

    def read(self) -> Document:
        document = self.document
        try:
            self.events = iter(yaml.parse(document.text, Loader=_Loader))
            self._documents()
        except _Abandon:
            pass
        except yaml.YAMLError as error:
            where, message, fix = self._cause(error)
            document.findings.append(Finding(document.file, where.line, where.column, "", f"not YAML: {message}", fix))
        return document

    def _cause(self, error: yaml.YAMLError) -> tuple[Position, str, str]:
        """What is wrong and where, as a person would say it, and the fix."""
        where, reading = self._place(error), str(getattr(error, "context", None))
        if "flow" in reading and self.open:
            unclosed = "a [ or { that is not closed, or lacks a comma"
            return self.open[-1], unclosed, "close it, and put commas between its values"
        if "quoted scalar" in reading and (began := getattr(error, "context_mark", None)):
            return Position(began.line + 1, began.column + 1), "a quote that is not closed", "close it on its line"
        if (likely := _likely_cause(self.document.text.split("\n"), where.line)) is not None:
            line, message, fix = likely
            return where if line == where.line else Position(line, 1), message, fix
        if reason := getattr(error, "reason", None):
            return where, shown(reason)[1:-1], "remove them, or name a text file"
        problem = getattr(error, "problem", None) or "unreadable"
        return where, shown(problem)[1:-1], "indent with spaces, quote odd values"

    def _place(self, error: yaml.YAMLError) -> Position:
        """Where the parser gave up; a ReaderError counts characters, or bytes when it is libyaml's."""
        mark = getattr(error, "problem_mark", None)
        if mark is not None:
            return Position(mark.line + 1, mark.column + 1)
        before = self.document.text[: getattr(error, "position", 0)]
        return Position(before.count("\n") + 1, len(before) - before.rfind("\n"))

    def _documents(self) -> None:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        else:
            self.document.findings.append(_at_start(self.document.file, "empty", "write the cluster into it"))
            return
        root = next(self.events)
        data = self._value(root, ())
        if isinstance(data, dict):
            self.document.data = data
        more = next((event for event in self.events if isinstance(event, yaml.DocumentStartEvent)), None)
        if not isinstance(data, dict):
            self._refuse(root, (), f"must be a mapping of keys to values, is {shown(data)}", "write `key: value` lines")
        elif more is not None:
            self._refuse(more, (), "a second YAML document", "keep one document, remove the `---`")

    def _refuse(self, event: Any, path: KeyPath, message: str, fix: str) -> None:
        if len(self.document.findings) >= MOST_FINDINGS:
            raise _Abandon
        where = _start(event)
        self.document.findings.append(Finding(self.document.file, where.line, where.column, dotted(path), message, fix))

    def _value(self, event: Any, path: KeyPath) -> Any:
        self.document.values[path] = _start(event)
        if len(path) > DEEPEST:
            self._refuse(event, path[:3], f"nested more than {DEEPEST} levels deep", "this is no config.yaml")
            raise _Abandon
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, path, "a value that begins with * is an alias", "write the value out, or quote it")
            return None
        if event.anchor:
            self._refuse(event, path, "a value that begins with & is an anchor", "write the values out, or quote it")
        if event.tag and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            self._refuse(event, path, "a value that begins with ! has a tag", "write a plain value, or quote it")
        if not isinstance(event, yaml.CollectionStartEvent):
            return self._scalar(event, path)
        brackets = [_start(event)] if event.flow_style else []
        self.open += brackets
        inside = self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)
        del self.open[len(self.open) - len(brackets) :]
        return inside

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        first: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in mapping:
                self._refuse(event, here, f"duplicate key, first written in line {first[key]}", "keep one of them")
                self._forget(here)
            first.setdefault(key, _start(event).line)
            self.document.keys[here] = _start(event)
            mapping[key] = self._value(next(self.events), here)
        return mapping

    def _forget(self, path: KeyPath) -> None:
        """Drop the positions of a value that a second one replaces."""
        for positions in (self.document.keys, self.document.values):
            for stale in [known_path for known_path in positions if known_path[: len(path)] == path]:
                del positions[stale]

    def _key(self, event: Any, path: KeyPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, path, "a key must be plain text", "write `key: value`")
            raise _Abandon
        text = str(event.value)
        if event.tag or event.anchor:
            self._refuse(event, (*path, text), "tag or anchor on a key", "write the key plainly")
        tag = _implied_tag(event)
        if tag == "merge":
            self._refuse(event, (*path, text), "merge key is not allowed", "write the values out")
        elif tag not in ("str", "value"):
            self._refuse(
                event, (*path, text), f"YAML reads this key as {tag}, not as text", f"write it as {shown(text)}"
            )
        return text

    def _scalar(self, event: Any, path: KeyPath) -> str | int | float | bool | None:
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse(event, path, "half a Unicode character", "write the character itself")
            return None
        if len(text) > LONGEST:
            self._refuse(event, path, f"more than {LONGEST} characters", "this is no value of a config.yaml")
            return None
        tag = _implied_tag(event)
        node = yaml.ScalarNode(_TAG + tag, text)
        try:
            match tag:
                case "null":
                    return None
                case "bool":
                    return bool(_CONSTRUCTOR.construct_yaml_bool(node))
                case "int" if len(text) < LONGEST_NUMBER:
                    return int(_CONSTRUCTOR.construct_yaml_int(node))
                case "float":
                    return float(_CONSTRUCTOR.construct_yaml_float(node))
        except ValueError:  # "0x_": YAML's pattern for numbers also matches some text
            self._refuse(event, path, "looks like a number but is none", "quote it if it is text")
            return None
        return text  # dates too: no key of config.yaml is one


def _likely_cause(lines: list[str], line: int) -> tuple[int, str, str] | None:
    """The line at or before the one where the parser gave up that explains it, the message, and the fix."""
    written = [number for number in range(min(line, len(lines)), 0, -1) if lines[number - 1].strip()][:2]
    for number in written:
        text = lines[number - 1]
        for pattern, message, fix in _CAUSES:
            if re.match(pattern, text):
                return number, message, fix
    return None


_CAUSES: Final = (
    (r" *\t", "a tab at the start of the line", "indent with spaces"),
    (r"[^#\"']*[\u00a0\u3000]", "a no-break or a full-width blank", "write a plain blank"),
    (r"[^#\"']*：", "a full-width colon", "write a plain colon and a blank behind it"),
    (r"\s*[\w.-]+:\s+[*&!@%`{\[|>]", "this value begins with a character of YAML's own", "put quotes around the value"),
    (
        r"\s*[\w.-]+:\s+(\"[^\"]*\"|'[^']*')\s*[^\s#]",
        "text behind a closing quote",
        "put one pair of quotes around all of the value",
    ),
    (r"\s*[\w.-]+:\s+[^\"'#][^#]*: ", "this value has a colon and a blank in it", "put quotes around the value"),
    (r"\s*[\w-]+:[^\s:/]", "no blank behind the colon", "write `key: value`"),
)
"""What makes a file no YAML in practice, in the order in which it is looked for."""


def _implied_tag(event: Any) -> str:
    """The type that YAML 1.1 gives a plain scalar: `str`, `int`, `bool`, `null`, `merge`, ..."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return str(tag).removeprefix(_TAG)


def _start(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)
