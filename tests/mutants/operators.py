"""The mutants of a module: what is changed in its syntax tree, one place at a time.

Changed are comparisons and their boundaries, `and` and `or`, conditions, numbers, regular expressions, texts that are
compared or looked up, elements of tables, `raise`, and the verdict that is raised. Not changed is what no verdict
depends on: the words of a message, docstrings, annotations, the declaration of a check (its title, its fix), and how
long an answer may take or be: one that comes too late or is cut off is Unknown whatever the limit.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.mutants import regexes

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FUNCTIONS = {
    "any": "all",
    "all": "any",
    "min": "max",
    "max": "min",
    "startswith": "endswith",
    "endswith": "startswith",
    "fullmatch": "match",
    "match": "search",
    "partition": "rpartition",
    "rpartition": "partition",
}
VERDICTS = {"Unknown": "NotApplicable", "NotApplicable": "Unknown"}
"""A verdict that is raised becomes another one, where the module knows both; every `raise` is also left out."""
MESSAGES = {"unparsable", "Unknown", "NotApplicable", "Mismatch", "Unparsable", "LookupError", "ValueError"}
LABELLED = {"expect", "expect_that", "expect_present", "expect_among", "number", "lines", "lines_from", "only_line"}
"""Functions whose first text says what is spoken of."""
UNJUDGED = {"deadline", "cap", "strict"}
"""Keywords that no verdict depends on: limits of an answer's time and length, a guard against a slip of our own."""
ALIASES = {"tuple", "list", "dict", "Callable", "Mapping", "Sequence", "Literal"}
"""What a type that is given a name begins with."""
EXPRESSIONS = {"compile", "fullmatch", "match", "search", "sub", "findall", "finditer", "split"}


class Change(NamedTuple):
    """One node of the tree, and what takes its place."""

    old: ast.AST
    new: ast.AST


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a module, known by its content: line numbers move, texts do not."""

    module: str
    scope: str
    """The function, `FileSystem.free`; the name that is assigned, at the top of a module."""
    before: str
    after: str
    nth: int
    """Which of those that read alike within the scope, from 1."""
    line: int
    tree: ast.Module
    """The whole module with the change."""
    statement: int | None
    """The statement of the module that is changed, where it is no function and no class."""

    @property
    def identity(self) -> tuple[str, str, str, str, int]:
        """What an entry of the list of survivors names."""
        return self.module, self.scope, self.before, self.after, self.nth


def mutants_of(module: str, source: str) -> list[Mutant]:
    """All mutants of a module."""
    tree = ast.parse(source)
    open_ended, declaring = _open_ended(tree), _declaring(tree)
    told: Counter[tuple[str, str, str]] = Counter()
    found = []
    for index, statement in enumerate(tree.body):
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef) and _assigned(statement) & declaring:
            continue
        for scope, root in _scopes(statement):
            for holder, change in _changes(root):
                if _is_no_change(change, open_ended):
                    continue
                before, after = _shown(holder, change)
                told[scope, before, after] += 1
                mutated = _replaced(tree, change)
                top = None if isinstance(statement, ast.FunctionDef | ast.ClassDef) else index
                line = getattr(change.old, "lineno", getattr(holder, "lineno", statement.lineno))
                nth = told[scope, before, after]
                found.append(Mutant(module, scope, before, after, nth, line, mutated, top))
    return found


def unchanged(module: str, source: str) -> Mutant:
    """A mutant without a change, for a control: whoever kills it tells nothing of the others."""
    return Mutant(module, "", "", "", 0, 1, ast.parse(source), None)


def _open_ended(tree: ast.Module) -> set[str]:
    """The regular expressions of a module that end in `.*`: on one line, `match` is the same as `fullmatch`."""
    found = set()
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[pattern, *_]))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(args=[pattern, *_]))
            ):
                if _takes_all(_end_of(pattern)):
                    found.add(name)
    return found


def _assigned(statement: ast.stmt) -> set[str]:
    """The names that a statement assigns."""
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _declaring(tree: ast.Module) -> set[str]:
    """The tables that only decorators use, such as the causes that several checks have in common."""
    decorators = [d for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for d in node.decorator_list]
    there = {id(node) for decorator in decorators for node in ast.walk(decorator)}
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return {name.id for name in used if id(name) in there} - {name.id for name in used if id(name) not in there}


def _end_of(pattern: ast.expr) -> str:
    """The text that an expression ends in; of one that is put together, the last part."""
    match pattern:
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[*_, ast.Constant(value=str(text))]):
            return text
    return ""


def _is_no_change(change: Change, open_ended: set[str]) -> bool:
    """Whether `fullmatch` becomes `match` for an expression that takes the rest of the line anyway."""
    match change.old, change.new:
        case ast.Call(func=ast.Attribute(ast.Name("re"), "fullmatch"), args=[ast.Constant(str(pattern)), *_]), ast.Call(
            args=[ast.Constant(other), *_]
        ):
            return other == pattern and _takes_all(pattern)
        case ast.Call(func=ast.Attribute(ast.Name(name), "fullmatch")), _:
            return name in open_ended
    return False


def _takes_all(pattern: str) -> bool:
    return pattern.rstrip(")").endswith((".*", ".+"))


def _scopes(statement: ast.stmt, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """The parts of a module that are mutated: bodies of functions, and what is assigned at its top."""
    match statement:
        case ast.FunctionDef(name=name):
            yield prefix + name, ast.Module(statement.body, [])
        case ast.ClassDef(name=name):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                    yield from _scopes(inner, f"{prefix}{name}.")
        case ast.Assign(value=ast.Subscript(value=kind)) if _name(kind) in ALIASES:
            return
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            yield ast.unparse(target), statement


def _changes(root: ast.AST) -> Iterator[tuple[ast.AST, Change]]:
    """The changes below a node, each with the node that holds it."""
    for holder in _walk(root):
        for make in MAKERS:
            for change in make(holder):
                yield holder, change


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that have a meaning: no annotations and types, no decorators, docstrings, words of a message."""
    yield node
    for child in _parts(node):
        yield from _walk(child)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.FunctionDef():
            yield from node.body
        case ast.AnnAssign():
            yield from filter(None, [node.value])
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return
        case ast.Raise() | ast.Subscript(value=ast.Name(id="dict" | "list" | "set" | "tuple")):
            return
        case ast.Call():
            if _name(node.func) not in MESSAGES:
                yield node.func
                yield from (a for i, a in enumerate(node.args) if not _is_label(node, i))
                yield from (k.value for k in node.keywords if not _is_unjudged(k))
        case _:
            yield from ast.iter_child_nodes(node)


def _is_label(call: ast.Call, index: int) -> bool:
    """Whether an argument only says in words what is spoken of."""
    named = _name(call.func) in LABELLED and _is_text(call.args[index])
    return named and (index == 0 or _name(call.func).startswith("expect_"))


def _is_unjudged(keyword: ast.keyword) -> bool:
    """Whether a keyword argument only says in words what is expected, or is one of UNJUDGED."""
    return keyword.arg in UNJUDGED or (keyword.arg == "expected" and _is_text(keyword.value))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name(function: ast.expr) -> str:
    """`fullmatch` of `re.fullmatch`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _comparisons(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                operators = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                yield Change(node, ast.Compare(node.left, operators, node.comparators))


def _conditions(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.BoolOp(op=operator, values=values):
            yield Change(node, ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
            for index in range(len(values)):
                rest = [*values[:index], *values[index + 1 :]]
                yield Change(node, rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Change(node, operand)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield Change(test, ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield Change(test, ast.Constant(True))


def _numbers(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Constant(value=bool(value)):
            yield Change(node, ast.Constant(not value))
        case ast.Constant(value=int(value)):
            yield Change(node, ast.Constant(value + 1))
        case ast.Constant(value=float(value)):
            yield Change(node, ast.Constant(value * 1.01 + 0.001))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC:
            if not (_is_text(left) or _is_text(right)):
                yield Change(node, ast.BinOp(left, ARITHMETIC[type(operator)](), right))


def _texts(node: ast.AST) -> Iterator[Change]:
    """Texts that are compared, looked up or listed, and regular expressions."""
    match node:
        case ast.Call(func=function, args=[ast.Constant(value=str(pattern)) as first, *_]) if _name(
            function
        ) in EXPRESSIONS and _is_regular(function):
            yield from (Change(first, ast.Constant(other)) for other in regexes.mutants_of(pattern))
        case ast.Compare():
            yield from (_spoilt(part) for part in [node.left, *node.comparators] if _is_plain(part))
        case ast.Subscript(slice=ast.expr() as key) if _is_plain(key):
            yield _spoilt(key)
        case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if _is_plain(first):
            if name in ("get", "startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"):
                yield _spoilt(first)
        case ast.Dict(keys=keys):
            yield from (_spoilt(key) for key in keys if key is not None and _is_plain(key))


def _is_regular(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re"


def _is_plain(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _spoilt(node: ast.AST) -> Change:
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, str)
    return Change(node, ast.Constant(f"{node.value}~"))


def _elements(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.List(elts=elements, ctx=ast.Load()) | ast.Tuple(elts=elements, ctx=ast.Load()) if len(elements) > 1:
            for index in range(len(elements)):
                rest: list[ast.expr] = [*elements[:index], *elements[index + 1 :]]
                yield Change(node, type(node)(rest, ast.Load()))
        case ast.Set(elts=elements) if len(elements) > 1:
            yield from (Change(node, ast.Set([*elements[:i], *elements[i + 1 :]])) for i in range(len(elements)))
        case ast.Dict(keys=keys, values=values) if keys:
            for i in range(len(keys)):
                yield Change(node, ast.Dict([*keys[:i], *keys[i + 1 :]], [*values[:i], *values[i + 1 :]]))


def _statements(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Raise(exc=raised):
            yield Change(node, ast.Pass())
            if isinstance(raised, ast.Call) and (other := VERDICTS.get(_name(raised.func))):
                call = ast.Call(ast.Name(other, ast.Load()), raised.args, raised.keywords)
                yield Change(node, ast.Raise(call, node.cause))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield Change(node, ast.Pass())
        case ast.Continue():
            yield Change(node, ast.Pass())
        case ast.Break():
            yield Change(node, ast.Continue())


def _calls(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Call) and (other := FUNCTIONS.get(_name(node.func))):
        if isinstance(node.func, ast.Attribute):
            function: ast.expr = ast.Attribute(node.func.value, other, ast.Load())
        else:
            function = ast.Name(other, ast.Load())
        yield Change(node, ast.Call(function, node.args, node.keywords))


MAKERS: tuple[Callable[[ast.AST], Iterator[Change]], ...] = (
    _comparisons,
    _conditions,
    _numbers,
    _texts,
    _elements,
    _statements,
    _calls,
)


def _replaced(tree: ast.Module, change: Change) -> ast.Module:
    """A copy of the tree with the change; what has not changed is shared with the tree."""
    return _copied(tree, change)  # type: ignore[no-any-return]


def _copied(node: Any, change: Change) -> Any:
    if node is change.old:
        new = copy.copy(change.new)
        return ast.fix_missing_locations(ast.copy_location(new, node)) if hasattr(node, "lineno") else new
    if isinstance(node, list):
        parts = [_copied(part, change) for part in node]
        return node if all(a is b for a, b in zip(parts, node, strict=True)) else parts
    if not isinstance(node, ast.AST):
        return node
    fields = {name: _copied(value, change) for name, value in ast.iter_fields(node)}
    if all(value is getattr(node, name) for name, value in fields.items()):
        return node
    return ast.copy_location(type(node)(**fields), node)


def _shown(holder: ast.AST, change: Change) -> tuple[str, str]:
    """What is changed and to what, in one line each, with as much around it as holds the change."""
    around = holder if isinstance(holder, ast.expr) and holder is not change.old else change.old
    changed = change.new if around is change.old else _copied(around, change)
    return _line(around), _line(changed)


def _line(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
