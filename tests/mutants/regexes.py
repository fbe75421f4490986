"""Mutants of a regular expression: none becomes some or some none, an anchor less, an alternative less.

How many blanks there may be, how long a number or a free text, no verdict depends on: those are not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)   # an escape
    |\[\^?\]?(?:\\.|[^\]\\])*\]                   # a class
    |\((?:\?(?:P<\w+>|P=\w+\)|[aiLmsux-]+[:)]|<?[=!]|:|\#[^)]*\)))?   # the start of a group
    |\{[0-9]*,?[0-9]*\}[?+]?|[*+?][?+]?           # a repetition
    |.""",
    re.VERBOSE | re.DOTALL,
)
_SWAPPED = {"*": "+", "+": "*", "?": ""}
_ANCHORS = {"\\b", "^", "$"}
_ANYTHING = {" ", ".", "\\s", "\\S", "\\t"}


def mutants_of(pattern: str) -> Iterator[str]:
    """The mutants of an expression that are themselves valid, each once."""
    tokens = _TOKEN.findall(pattern)
    told = {pattern}
    for mutant in (*_with_other_tokens(tokens), *_with_an_alternative_less(tokens)):
        if mutant not in told and _is_valid(mutant):
            told.add(mutant)
            yield mutant


def _with_other_tokens(tokens: list[str]) -> Iterator[str]:
    for index, token in enumerate(tokens):
        if token in _ANCHORS:
            yield "".join([*tokens[:index], *tokens[index + 1 :]])
        elif token[0] in _SWAPPED and tokens[index - 1] not in _ANYTHING:
            other = _SWAPPED[token[0]]
            yield "".join([*tokens[:index], other + token[1:] if other else "", *tokens[index + 1 :]])


def _with_an_alternative_less(tokens: list[str]) -> Iterator[str]:
    """Without one of the alternatives of a group: `(UP|DOWN)` becomes `(UP)` and `(DOWN)`."""
    for start, end in _alternatives(tokens):
        if end < len(tokens) and tokens[end] == "|":
            yield "".join([*tokens[:start], *tokens[end + 1 :]])
        elif start and tokens[start - 1] == "|":
            yield "".join([*tokens[: start - 1], *tokens[end:]])


def _alternatives(tokens: list[str]) -> Iterator[tuple[int, int]]:
    """Where each alternative begins and ends."""
    begun = [0]
    for index, token in enumerate(tokens):
        if token in ("|", ")"):
            yield begun.pop(), index
            if token == "|":
                begun.append(index + 1)
        elif token.startswith("(") and not token.endswith(")"):
            begun.append(index + 1)
    if begun:
        yield begun.pop(), len(tokens)


def _is_valid(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
