"""Regular expressions that a host's own files have: whoever wrote one must not hold up the audit with it."""

from __future__ import annotations

import re
from typing import Final

from dlws.parse.text import unparsable

_REPEATED_GROUP: Final = re.compile(r"\)[*+?{]")
_REPEATS: Final = re.compile(r"[*+?{]")
_MOST_REPEATS: Final = 4
"""With `.*` twenty times over, a name of twenty letters is not matched in a day."""


def checked(source: str, expression: str) -> str:
    """The expression itself. Raises Unparsable for one that repeats so much that matching it may not end."""
    if _REPEATED_GROUP.search(expression) or len(_REPEATS.findall(expression)) > _MOST_REPEATS:
        raise unparsable(source, expression, "an expression with too many repetitions:")
    return expression
