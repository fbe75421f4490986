"""Every check that is declared in this package."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from types import ModuleType

import checks
from dlws.engine.check import Check, check_of


class CatalogueError(Exception):
    """Two checks have one id; the message names both functions."""


def declared() -> dict[str, Check]:
    """All checks by id, in the order of the ids. Raises CatalogueError for an id that is used twice."""
    modules = (importlib.import_module(m.name) for m in pkgutil.walk_packages(checks.__path__, "checks."))
    return by_id(found for module in modules for found in checks_of(module))


def checks_of(module: ModuleType) -> list[Check]:
    """The checks that a module itself declares."""
    found = (check_of(value) for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)
    return [check for check in found if check is not None]


def by_id(found: Iterable[Check]) -> dict[str, Check]:
    """The checks by id and in its order. Raises CatalogueError for an id that is used twice."""
    known: dict[str, Check] = {}
    for check in found:
        if check.id in known:
            raise CatalogueError(f"{check.id} is declared twice: {place(known[check.id])} and {place(check)}")
        known[check.id] = check
    return {id: known[id] for id in sorted(known, key=_order)}


def place(check: Check) -> str:
    """Where a check is declared: `checks.host.swap.test_swap_is_off`."""
    return f"{check.function.__module__}.{check.function.__name__}"


def _order(id: str) -> tuple[str, int, str]:
    letters, digits, rest = re.fullmatch(r"([A-Z]*)([0-9]*)(.*)", id).groups()  # type: ignore[union-attr]
    return letters, int(digits or 0), rest
