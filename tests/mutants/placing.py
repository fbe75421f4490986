"""Puts a mutant in the place of its module, in a process that has already imported everything."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutants.operators import Mutant

Place = tuple[str, int]
"""The qualified name of a function and the line where it begins."""
OURS = ("dlws", "checks", "fixtures", "tests")


def put_in_place(mutant: Mutant) -> None:
    """Change the running module. Who has imported a function or a table from it sees the change as well."""
    module = sys.modules[mutant.module]
    if mutant.statement is None:
        _exchange_code(module, mutant.tree)
    else:
        _execute_again(module, mutant.tree.body[mutant.statement], mutant.statement)
    _forget()


def _exchange_code(module: ModuleType, tree: ast.Module) -> None:
    """Give all functions of a module the code of the tree; a function keeps its identity, whoever holds it."""
    assert module.__file__
    codes = {_place(code): code for code in _codes(compile(tree, module.__file__, "exec"))}
    for place, functions in functions_of(module.__file__).items():
        for function in functions:
            if place in codes and len(codes[place].co_freevars) == len(function.__code__.co_freevars):
                function.__code__ = codes[place]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _place(code: CodeType) -> Place:
    return code.co_qualname, code.co_firstlineno


@cache
def functions_of(file: str) -> Mapping[Place, Sequence[FunctionType]]:
    """The living functions whose code is in a file."""
    found: dict[Place, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == file:
            found.setdefault(_place(thing.__code__), []).append(thing)
    return found


def _execute_again(module: ModuleType, statement: ast.stmt, index: int) -> None:
    """Execute an assignment of a module, and whatever is assigned from its name, here and in modules that import it."""
    todo = [(module, statement, index)]
    seen: set[int] = set()
    while todo:
        module, statement, index = todo.pop(0)
        _execute(module, statement)
        for name in _targets(statement):
            for other in _importers(module, name):
                setattr(other, name, getattr(module, name))
                if id(other) not in seen:
                    todo += [(other, s, i) for i, s in _assigning_from(other, name, -1)]
            todo += [(module, s, i) for i, s in _assigning_from(module, name, index)]
        seen.add(id(module))


def _execute(module: ModuleType, statement: ast.stmt) -> None:
    """Execute one statement at the top of a module."""
    tree = ast.fix_missing_locations(ast.Module([statement], []))
    exec(compile(tree, module.__file__ or "", "exec", dont_inherit=True), vars(module))


def _targets(statement: ast.stmt) -> list[str]:
    return [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _importers(module: ModuleType, name: str) -> list[ModuleType]:
    """The modules that have a name by `from MODULE import NAME`."""
    return [
        other
        for key, other in list(sys.modules.items())
        if key.split(".")[0] in OURS and name in vars(other) and (module.__name__, name) in _imported(other)
    ]


@cache
def _tree_of(module: ModuleType) -> ast.Module:
    if not module.__file__:
        return ast.Module([], [])
    with open(module.__file__, encoding="utf-8") as source:  # noqa: PTH123  a module's own file, as the interpreter has it
        return ast.parse(source.read())


@cache
def _imported(module: ModuleType) -> frozenset[tuple[str, str]]:
    nodes = (node for node in _tree_of(module).body if isinstance(node, ast.ImportFrom))
    return frozenset((node.module or "", alias.name) for node in nodes for alias in node.names if not alias.asname)


def _assigning_from(module: ModuleType, name: str, after: int) -> list[tuple[int, ast.stmt]]:
    """The assignments at the top of a module, after a statement of it, that use a name."""
    return [
        (index, statement)
        for index, statement in enumerate(_tree_of(module).body)
        if index > after and isinstance(statement, ast.Assign | ast.AnnAssign) and _uses(statement, name)
    ]


def _uses(statement: ast.stmt, name: str) -> bool:
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return any(node.id == name and isinstance(node.ctx, ast.Load) for node in names)


def _forget() -> None:
    """Empty the caches of the suite: what they hold was found by the code without the change."""
    for function in caching_functions():
        function.cache_clear()


@cache
def caching_functions() -> Sequence[Any]:
    """The functions of the suite that keep their results."""
    ours = (module for name, module in list(sys.modules.items()) if name.split(".")[0] in OURS[:3])
    found = (value for module in ours for value in list(vars(module).values()) if hasattr(value, "cache_clear"))
    return tuple({id(function): function for function in found}.values())
