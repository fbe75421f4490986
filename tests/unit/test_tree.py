"""The shape of the tree: imports point one way and in no circle, checks are declarations, files are short."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from dlws.engine.check import check_of, one_or_many

ROOT = Path(__file__).parents[2]
PRODUCT = ("dlws", "fixtures", "checks", "install", "reports", "bundle")
LAYERS = (
    ("dlws.verdict", "dlws.inventory"),
    ("dlws.parse",),
    ("dlws.hostfiles", "dlws.upstream"),
    ("dlws.config",),
    ("dlws.kubernetes",),
    ("dlws.platform",),
    ("dlws.record",),
    ("dlws.remote",),
    ("dlws.facts", "dlws.engine"),
    ("dlws.init", "dlws.content"),
    ("fixtures",),
    ("checks",),
    ("install",),
    ("bundle",),
)
"""Lowest first. A module imports its own package and lower layers; packages of one layer do not import each other."""
RANKS = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}
REPORTS_IMPORT_UP_TO = RANKS["dlws.record"]
COMMANDS = ("dlws.__main__", "dlws.cli", "dlws.completion", "dlws.start")
"""What a shell calls. It finds commands by entry points and imports none of ours; every `command.py` may use it."""
NOT_FOR_IMPORT = ("install", "tests", "lab")
CATALOGUES = ("checks.catalogue", "checks.command", "checks.platform.service_check")
"""What lists checks, explains them, or declares one for each row of a table."""
MOST_LINES, LONGEST_FUNCTION, FORMATTER_OFF = 400, 60, 40
NOT_OURS = ("lab/checkout", "lab/images")


class Import(NamedTuple):
    """`from MODULE import NAME`; no name for `import MODULE`, or where what is imported is a module itself."""

    module: str
    name: str | None = None


def source_files(*tops: str) -> list[Path]:
    """The Python files below folders of the tree."""
    found = [path for top in tops for path in sorted((ROOT / top).rglob("*.py"))]
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(NOT_OURS)]


def module_name(path: Path) -> str:
    """`dlws.parse.text`; a package for its `__init__.py`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in source_files(*PRODUCT)}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


@cache
def imports_of(module: str) -> frozenset[Import]:
    """All that a module imports, in functions and under TYPE_CHECKING too."""
    return frozenset(found for node in ast.walk(tree_of(module)) for found in _imports(node, module))


def _imports(node: ast.AST, importer: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{importer}: a relative import"
        base = node.module or ""
        names = [alias.name for alias in node.names]
        yield from (Import(f"{base}.{n}") if f"{base}.{n}" in MODULES else Import(base, n) for n in names)


def package_of(module: str) -> str:
    """The package that has a place among the layers: `dlws.parse`, `checks`."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "dlws" else parts[0]


def is_allowed(importer: str, imported: str) -> bool:
    """Whether the layers let one module import another of the product."""
    own, other = package_of(importer), package_of(imported)
    if own == other:
        return True
    if importer in COMMANDS:
        return other.startswith("dlws.")
    if imported in COMMANDS:
        return importer.endswith(".command")
    if own == "reports":
        return other in RANKS and RANKS[other] <= REPORTS_IMPORT_UP_TO
    return other in RANKS and own in RANKS and RANKS[other] < RANKS[own]


def is_check(module: str, name: str | None) -> bool:
    """Whether a name of a module stands for a check, or for a table of checks."""
    declared = one_or_many(getattr(importlib.import_module(module), name or "", None))
    return bool(declared) and all(check_of(function) for function in declared)


def names_taken(module: str) -> Iterator[Import]:
    """What a module takes of others: names that it imports, and attributes of modules that it imports."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom):
            whole = {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            aliases |= {alias: name for alias, name in whole.items() if name in MODULES}
            yield from (
                Import(str(node.module), a.name) for a in node.names if f"{node.module}.{a.name}" not in MODULES
            )
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield Import(aliases[node.value.id], node.attr)


def against_the_layers() -> set[str]:
    """The imports that the layers do not allow."""
    pairs = {(module, found.module) for module in MODULES for found in imports_of(module)}
    ours = {(a, b) for a, b in pairs if b.split(".")[0] in (*PRODUCT, "tests", "lab")}
    return {f"{a} -> {b}" for a, b in ours if not is_allowed(a, b)}


def takes_no_check() -> set[str]:
    """The imports that take something else than checks out of a file of checks."""
    taken = {(module, found) for module in MODULES for found in names_taken(module)}
    from_checks = {(m, f) for m, f in taken if f.module.startswith("checks.") and f.module not in CATALOGUES}
    return {f"{m} -> {f.module}" for m, f in from_checks if not is_check(f.module, f.name)}


def test_imports_point_down_the_layers() -> None:
    assert sorted(against_the_layers()) == []


def test_check_files_are_imported_for_checks_alone() -> None:
    assert sorted(takes_no_check()) == []


def test_nothing_imports_install_tests_or_the_lab() -> None:
    pairs = {(module, found.module) for module in MODULES for found in imports_of(module)}
    wrong = {f"{a} -> {b}" for a, b in pairs if (top := b.split(".")[0]) in NOT_FOR_IMPORT and top != a.split(".")[0]}
    assert wrong == set()


def test_modules_form_no_circle() -> None:
    graph = {module: {found.module for found in imports_of(module)} - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(reversed(error.args[1]))}")


def test_areas_of_checks_form_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module in (m for m in MODULES if m.count(".") and m.startswith("checks.") and m not in CATALOGUES):
        others = {found.module for found in imports_of(module) if found.module.startswith("checks.")}
        graph.setdefault(area_of(module), set()).update(area_of(other) for other in others)
    try:
        TopologicalSorter({area: others - {area} for area, others in graph.items()}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of areas: {' -> '.join(reversed(error.args[1]))}")


def area_of(module: str) -> str:
    """`network` for checks.network.names, `docker` for checks.docker."""
    return module.split(".")[1]


OURS = [*source_files(*PRODUCT, "tests", "lab", "benchmarks"), ROOT / "conftest.py"]


def test_no_file_is_long() -> None:
    written = [*OURS, *(ROOT / "reports" / "templates").iterdir()]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in written}
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_no_function_is_long() -> None:
    long = {}
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                long |= {f"{path.relative_to(ROOT)}:{node.name}": lines} if lines > LONGEST_FUNCTION else {}
    assert long == {}


def test_the_formatter_decides() -> None:
    skips = sum(path.read_text("utf-8").count("# fmt: " + "skip") for path in OURS)
    assert skips < FORMATTER_OFF


def test_no_thread_takes_back_the_filters_of_warnings_of_another() -> None:
    found = [path for path in source_files(*PRODUCT) if "catch_warnings(" in path.read_text("utf-8")]
    assert found == []
