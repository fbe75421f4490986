"""Which modules are mutated, and which tests judge each of them."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from checks.catalogue import declared
from dlws.engine.check import Check
from tests.kits.proof_cases import FOLDER as PROOFS
from tests.kits.proof_cases import file_of

ROOT = Path(__file__).parents[2]
MUTATED = ("dlws/parse", "checks")
"""Below these folders; `dlws/parse/accelerators` has the tables of generations."""
PRODUCT = ("dlws", "install")
NOT_MUTATED = ("checks.command", "checks.catalogue")
"""They list checks and explain them: no verdict depends on them."""
PROOF_TESTS = "tests/unit/checks/test_check_proofs.py"
NOT_JUDGES = ("tests/unit/engine", "tests/unit/reports", "tests/unit/lab", "tests/unit/docs", "tests/unit/install")
"""They import parsers to make the inputs of something else."""


def modules(wanted: Iterable[str]) -> list[str]:
    """The modules that are mutated, of those whose name begins so. Raises LookupError if there is none."""
    prefixes = tuple(wanted) or ("",)
    files = (path for top in MUTATED for path in sorted((ROOT / top).rglob("*.py")) if path.name != "__init__.py")
    names = (name_of(path) for path in files)
    found = [n for n in names if n not in NOT_MUTATED and any(f"{n}.".startswith(p) for p in prefixes)]
    if not found:
        raise LookupError(f"no module that is mutated begins with {' or '.join(prefixes)}")
    return found


def name_of(path: Path) -> str:
    """`dlws.parse.text`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def path_of(module: str) -> Path:
    """The file of a module; of a package its `__init__.py`."""
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py") if not path.is_dir() else path / "__init__.py"


def digest(paths: Iterable[Path]) -> str:
    """The SHA-256 of files, by name and content."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The modules of the suite that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in found if path_of(name).is_file())


@cache
def checks() -> dict[str, Check]:
    """All checks by id."""
    return declared()


@cache
def judged_by_proofs(module: str) -> frozenset[str]:
    """The ids of the checks whose proofs judge a module of checks: its own, and those of modules that import it.

    A parser is judged by its own tests alone: who doubts it should not have to look for a check that uses it.
    """
    homes = {id: check.function.__module__ for id, check in checks().items()}
    return frozenset(id for id, home in homes.items() if _asks(home, module))


def _asks(home: str, module: str) -> bool:
    return module.startswith("checks.") and (home == module or module in imports_of(path_of(home)))


@cache
def test_files(module: str) -> tuple[Path, ...]:
    """The unit tests that import a module; those of the modules that import it, where no test does."""
    files = sorted((ROOT / "tests/unit").rglob("test_*.py"))
    judges = [path for path in files if not str(path.relative_to(ROOT)).startswith((*NOT_JUDGES, PROOF_TESTS))]
    direct = tuple(path for path in judges if module in imports_of(path))
    if direct or module.startswith("checks."):
        return direct
    users = {name_of(path) for top in PRODUCT for path in (ROOT / top).rglob("*.py") if module in imports_of(path)}
    return tuple(path for path in judges if users & imports_of(path))


def judges_of(module: str) -> Iterator[Path]:
    """All files whose content decides about the mutants of a module."""
    yield from test_files(module)
    if ids := judged_by_proofs(module):
        yield from {file_of(checks()[id]) for id in ids}
        yield from (PROOFS / "healthy").iterdir()
        yield ROOT / PROOF_TESTS


def file_of_test(nodeid: str) -> Path:
    """The file that decides whether a test stays as it is: of a proof, the file of its check's cases."""
    path, _, name = nodeid.partition("::")
    id = name.rpartition("[")[2].split("-")[0]
    return file_of(checks()[id]) if path == PROOF_TESTS and id in checks() else ROOT / path
