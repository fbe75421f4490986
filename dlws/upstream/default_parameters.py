"""DLWorkspace's default parameters (`params.py`), read without running it.

In every branch up to v1.5.0 the file is one assignment of plain values: text, numbers, True, False, None, lists,
tuples, sets and mappings. Anything else is refused with its line.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any, Final

NAME: Final = "default_config_parameters"
_MODULE: Final = "params_of_the_checkout"
LARGEST: Final = 1 << 20
"""Characters; the file of V0.1.6.1 has 40 thousand."""


class NotPlain(Exception):
    """The file contains something other than plain values, on line `line`."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def read(text: str) -> dict[str, Any]:
    """The mapping assigned to `default_config_parameters`. NotPlain if there is none or it is not plain."""
    if len(text) > LARGEST:
        raise NotPlain(1, "too large for a params.py")
    # "\." in a Python 2 text. The filter stays: taken away again (catch_warnings), it would be gone for other threads.
    warnings.filterwarnings("ignore", module=_MODULE)
    try:
        module = ast.parse(text, f"{_MODULE}.py")
    except SyntaxError as error:
        raise NotPlain(error.lineno or 1, f"not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotPlain(1, f"not Python: {error}") from None
    assigned = [
        node
        for node in module.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == NAME for t in node.targets)
    ]
    if not assigned:
        raise NotPlain(1, f"does not set {NAME}")
    value = assigned[-1].value
    try:
        for part in _parts(value):
            if not _is_plain(part):
                raise NotPlain(part.lineno, f"{ast.unparse(part)[:60]} is no plain value; it is not run")
        parameters = ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise NotPlain(value.lineno, f"not understood: {error}") from None
    if not isinstance(parameters, dict) or not all(isinstance(key, str) for key in parameters):
        raise NotPlain(value.lineno, f"{NAME} is no mapping from text")
    return {key: _sorted_sets(item) for key, item in parameters.items()}


def _parts(value: ast.expr) -> Iterator[ast.expr]:
    """The expression and all expressions within it, in the order of the file."""
    yield value
    for child in ast.iter_child_nodes(value):
        if isinstance(child, ast.expr):
            yield from _parts(child)


def _is_plain(part: ast.expr) -> bool:
    if isinstance(part, ast.Dict):
        return None not in part.keys  # {**other}
    if isinstance(part, ast.UnaryOp):
        return isinstance(part.op, ast.USub | ast.UAdd) and isinstance(part.operand, ast.Constant)
    return isinstance(part, ast.Constant | ast.List | ast.Tuple | ast.Set)


def _sorted_sets(value: Any) -> Any:
    """The value with sets as sorted lists and tuples as lists, so that it always renders to the same text."""
    if isinstance(value, set):
        return sorted(value, key=str)
    if isinstance(value, dict):
        return {key: _sorted_sets(item) for key, item in value.items()}
    return [_sorted_sets(item) for item in value] if isinstance(value, list | tuple) else value
