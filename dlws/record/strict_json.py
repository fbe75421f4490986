"""JSON (RFC 8259) as it is written to a run's folder and read back from one that may be hostile.

Python's own reader takes NaN and Infinity, which no other program reads, and fails with RecursionError on deep nesting.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def loads(text: str | bytes, each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value, with what `each` makes of an object in its place.

    ValueError for anything but JSON, numbers that are not finite (1e999), too deep nesting.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_hook=each)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits[:40])
