"""Every regular expression of the product takes linear time: hosts and foreign folders choose the text."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SEARCHING = {"search", "findall", "finditer", "sub", "split"}
ANCHORED = {"match", "fullmatch"}
SHORT, LONG = 2_000, 32_000
ENOUGH = 1.0
"""CPU seconds for LONG characters. A linear expression takes some milliseconds, a quadratic one seconds: four in the
SHORT text of a host are an hour in the MiB that it may say."""
WORTH_A_LOOK = 0.003
"""CPU seconds for SHORT ones: many times what a linear expression takes, and less than a quadratic one's share."""


class Use(NamedTuple):
    """A regular expression, and the functions of `re` that it is used with."""

    place: str
    pattern: str
    functions: frozenset[str]
    flags: int


def uses() -> Iterator[Use]:
    for top in ("dlws", "reports", "fixtures", "checks", "install"):
        for path in sorted((ROOT / top).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            for call in calls:
                function = call.func
                if not (isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re" and call.args):
                    continue
                if function.attr not in SEARCHING | ANCHORED | {"compile"}:
                    continue
                pattern = _literal(call.args[0])
                names = {function.attr} if function.attr != "compile" else _methods(tree, call)
                written = ast.unparse(call)
                flags = (re.DOTALL if "DOTALL" in written else 0) | (re.MULTILINE if "MULTILINE" in written else 0)
                flags |= re.IGNORECASE if "IGNORECASE" in written else 0
                yield Use(f"{path.relative_to(ROOT)}:{call.lineno}", pattern, frozenset(names), flags)


def _literal(node: ast.expr) -> str:
    """The text of an expression, with `x` for each part that is put in at run time."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else node.value.decode("latin1")
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return re.sub("%[sbd]", "x", _literal(node.left))
    if isinstance(node, ast.BinOp):
        return _literal(node.left) + _literal(node.right)
    return "x"


def _methods(tree: ast.AST, call: ast.Call) -> set[str]:
    """The methods of a compiled expression that the module calls; all of them where it has no name of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is call:
            name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == name}
            return (used & (SEARCHING | ANCHORED)) or {"match", "fullmatch"}
    return {"search", "match", "fullmatch"}


USES = sorted(set(uses()))


@cache
def pumps(pattern: str) -> tuple[str, ...]:
    """Texts to repeat: the literal parts of the expression, characters that its classes take, and pairs of them."""
    plain = re.sub(r"\(\?[a-zA-Z]+\)|\(\?P<\w+>|\(\?[:=!<]+", "", pattern)
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.split(r"\\[sSdDwWbB]|(?<!\\)[\[\](){}|*+?.^$]", plain)]
    parts = dict.fromkeys([*(word for word in words if word), " ", "a", "0", "-", ".", "\n", "\t", "/", ":", "x"])
    singles = list(parts)[:14]
    return tuple(dict.fromkeys([*singles, *("".join(pair) for pair in product(singles[:8], repeat=2))]))


def seconds(use: Use, text: str) -> float:
    compiled = re.compile(use.pattern, use.flags)
    began = time.process_time()
    for function in use.functions:
        if function == "sub":
            compiled.sub("", text)
        elif function == "finditer":
            list(compiled.finditer(text))
        else:
            getattr(compiled, function)(text)
    return time.process_time() - began


def suspicious(use: Use) -> list[str]:
    """The texts that take much longer, in a short form, than their length explains."""
    return [p for p in pumps(use.pattern) if seconds(use, p * (SHORT // len(p) + 1) + "\x00") > WORTH_A_LOOK]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.place)
def test_a_regular_expression_takes_linear_time(use: Use) -> None:
    slow = {text: seconds(use, text * (LONG // len(text)) + "\x00") for text in suspicious(use)}
    assert {text: round(took, 1) for text, took in slow.items() if took > ENOUGH} == {}
