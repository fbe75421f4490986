"""docs/testinfra.md says which checks use what; the code says it too, and they agree."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from dlws.remote.modules import MODULES

ROOT = Path(__file__).parents[3]
HOSTS = ("host", "control", "master")
"""What a host is called in checks, facts and stages."""
Functions = Mapping[str, ast.FunctionDef]


@cache
def functions_of(path: Path) -> Functions:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@cache
def facts() -> Functions:
    return {name: f for path in (ROOT / "dlws/facts").rglob("*.py") for name, f in functions_of(path).items()}


def modules_in(function: ast.FunctionDef, known: Functions, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The modules that a function asks, and those that the functions of ours ask that it names."""
    for node in (node for statement in function.body for node in ast.walk(statement)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from {node.attr} & MODULES.keys() if node.value.id in HOSTS else ()
        if isinstance(node, ast.Name) and node.id in known and node.id not in seen:
            yield from modules_in(known[node.id], known, (*seen, node.id))


def label_of(function: ast.FunctionDef) -> str:
    """`U13` of a check or goal, `admin_user` of a stage, "" of any other function."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name):
            if decorator.func.id in ("check", "goal"):
                return str(ast.literal_eval(decorator.args[0]))
            if decorator.func.id == "stage":
                return function.name.removeprefix("test_")
    return ""


def in_code() -> dict[str, list[set[str]]]:
    """By module: the facts, the checks and the stages that use it."""
    found: dict[str, list[set[str]]] = defaultdict(lambda: [set(), set(), set()])
    for name, function in facts().items():
        for module in modules_in(function, facts()):
            found[module][0].add(name)
    for path in (*(ROOT / "checks").rglob("*.py"), *(ROOT / "install").rglob("*.py")):
        for function in functions_of(path).values():
            label = label_of(function)
            for module in modules_in(function, {**facts(), **functions_of(path)}) if label else ():
                found[module][1 if label[0].isupper() else 2].add(label)
    return found


def in_page() -> dict[str, list[set[str]]]:
    """The same, as the table has it."""
    text = (ROOT / "docs/testinfra.md").read_text("utf-8")
    section = text.partition("## Which checks use what")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {module.strip(" `"): [set(re.findall(r"\w+", cell)) for cell in cells] for module, *cells in rows}


def test_the_table_names_every_module_of_ours() -> None:
    assert set(in_page()) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_table_says_who_uses_a_module(module: str) -> None:
    assert in_page().get(module) == in_code()[module]
