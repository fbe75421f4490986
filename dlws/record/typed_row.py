"""Rows of a ledger from JSON: dataclasses whose fields have exactly the types that they declare.

A ledger may come from somebody else, and reports compute with its fields. A field may be text, a truth value, a finite
number, a word of a StrEnum, another row, or a tuple of these; `Annotated[..., check]` adds a check of the value.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
Reader = Callable[[Any], Any]
"""Returns the value of a field, or raises ValueError."""
LONGEST = 1e9
"""Seconds of a test or a run, 31 years: more is a broken clock, and no date can be computed with it."""


def build(kind: type[T], data: object) -> T:
    """A row from the fields of a JSON object. ValueError names one that is missing, unknown or wrong."""
    if not isinstance(data, Mapping):
        raise ValueError(f"not a {kind.__name__}: {_shown(data)}")
    readers = _readers(kind)  # type: ignore[arg-type]  # mypy takes __hash__ of the instances
    if unknown := data.keys() - readers.keys():
        raise ValueError(f"unknown field {_short(', '.join(sorted(unknown)))} in a {kind.__name__} line")
    try:
        values = {name: readers[name](value) for name, value in data.items()}
    except ValueError:
        for name, value in data.items():  # again, to name the field: a try for each would slow down every line
            _read(kind, name, readers[name], value)
        raise
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"not a whole {kind.__name__} line: {error}") from error


def moment(text: str) -> str:
    """A time, ISO 8601 with its offset from UTC, between 1970 and 2999. Raises ValueError."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None or not 1970 <= when.year < 3000:
        raise ValueError(f"{_shown(text)} is not a time of a run")
    return text


def moment_or_none(text: str) -> str:
    """A time as `moment`, or "". Raises ValueError."""
    return moment(text) if text else text


def part(text: str) -> tuple[int, int]:
    """The K and N of `K/N`, one of N parts counted from 1. Raises ValueError."""
    numbers = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
    if not numbers or int(numbers[1]) > int(numbers[2]):
        raise ValueError(f"{_shown(text)} is none of N parts, 1/N to N/N")
    return int(numbers[1]), int(numbers[2])


def part_or_none(text: str) -> str:
    """A part as `part` reads it, or "". Raises ValueError."""
    if text:
        part(text)
    return text


def duration(seconds: float) -> float:
    """Seconds, of which no date gets out of range. Raises ValueError."""
    if abs(seconds) > LONGEST:
        raise ValueError(f"{seconds:g} is no number of seconds that something takes")
    return seconds


def _text(value: object) -> str:
    """The text, once for all rows: those of a thousand hosts have the same titles, fixes and most of the findings."""
    return sys.intern(_of(str, value))


def _read(kind: type[Any], name: str, reader: Reader, value: object) -> None:
    try:
        reader(value)
    except ValueError as error:
        raise ValueError(f"{name} of a {kind.__name__} line: {_short(str(error))}") from error


@cache
def _readers(kind: type[Any]) -> Mapping[str, Reader]:
    return {name: _reader(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}


def _reader(hint: Any) -> Reader:
    if get_origin(hint) is Annotated:
        inner, check = get_args(hint)
        read = _reader(inner)
        return lambda value: check(read(value))
    if get_origin(hint) is tuple:
        each = _reader(get_args(hint)[0])
        return lambda value: tuple(map(each, _of(list, value)))
    if get_origin(hint) is UnionType:
        [some] = [_reader(one) for one in get_args(hint) if one is not NoneType]
        return lambda value: None if value is None else some(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value: value if isinstance(value, hint) else build(hint, value)
    if hint is float:
        return _number
    if hint is str:
        return _text
    if issubclass(hint, StrEnum):
        return lambda value: hint(value)
    return lambda value: _of(hint, value)


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _of(kind: type[Any], value: object) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{_shown(value)} is not of type {kind.__name__}")
    return value


def _shown(value: object) -> str:
    return _short(repr(value))


def _short(text: str) -> str:
    """The beginning of a text: a hostile value must not make a message of megabytes."""
    return text if len(text) <= 120 else f"{text[:120]}..."
