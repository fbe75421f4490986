"""The program behind `make mutants`: what it changes, where it puts it, what it keeps, and what has been explained."""

from __future__ import annotations

import importlib
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from tests.mutants import operators, placing, regexes, results, sources
from tests.mutants.__main__ import judges
from tests.mutants.judge import Judged
from tests.mutants.results import Results

LIMIT = """
LEAST = 3

def enough(found: int) -> bool:
    \"\"\"At least three.\"\"\"
    if found < LEAST:
        raise ValueError(f"too few: {found}")
    return True
"""


def told(source: str) -> list[tuple[str, str]]:
    return [(mutant.before, mutant.after) for mutant in operators.mutants_of("m", dedent(source))]


def test_each_place_is_changed_by_itself() -> None:
    assert told(LIMIT) == [
        ("3", "4"),
        ("found < LEAST", "found <= LEAST"),
        ("found < LEAST", "found >= LEAST"),
        ("raise ValueError(f'too few: {found}')", "pass"),
        ("True", "False"),
    ]


@pytest.mark.parametrize(
    ("expression", "mutants"),
    [
        ("a and b", {"a or b", "a", "b"}),
        ("[a, b]", {"[a]", "[b]"}),
        ("x == 'UP'", {"x != 'UP'", "x == 'UP~'"}),
        ("min(x)", {"max(x)"}),
        ("[n for n in x if n]", {"True"}),
        ("f(x, deadline=60.0, strict=True, rest=1)", {"2"}),
        ("zip(a, b, strict=True)", set()),
        ("dict[str, list[int]]()", set()),
    ],
)
def test_what_becomes_of_an_expression(expression: str, mutants: set[str]) -> None:
    assert {after for _, after in told(f"def f(x, a, b):\n    return {expression}")} == mutants


def test_a_verdict_becomes_another_or_none() -> None:
    assert [after for _, after in told("def f():\n    raise Unknown('no answer')")] == [
        "pass",
        "raise NotApplicable('no answer')",
    ]


def test_words_and_declarations_are_left_alone() -> None:
    source = '''
    @check("H01", section="2.1", fix="replace it")
    def test_it(host: Host) -> None:
        """It holds."""
        host.run_active(range(128), "diagnose", deadline=30.0)
        expect("what is spoken of", found=host.it, expected="a 7")
    '''
    assert [after for _, after in told(source)] == ["pass", "129", "pass"]
    assert told("Clock = tuple[float, float]") == []


def test_a_table_that_only_declarations_use_is_left_alone() -> None:
    source = """
    CAUSES = (test_a, test_b)
    LIMITS = (1, 2)

    @check("H01", causes=[*CAUSES], fix=f"at most {LIMITS}")
    def test_it(host: Host) -> None:
        return LIMITS[0]

    @check("H02", causes=[test_it])
    def test_more(host: Host) -> None:
        pass
    """
    assert {before for before, _ in told(source)} == {"(1, 2)", "1", "2", "0"}


def test_a_regular_expression_loses_what_makes_it_strict() -> None:
    assert list(regexes.mutants_of(r"^(UP|DOWN)?\s+[0-9]+")) == [
        r"(UP|DOWN)?\s+[0-9]+",
        r"^(UP|DOWN)\s+[0-9]+",
        r"^(UP|DOWN)?\s+[0-9]*",
        r"^(DOWN)?\s+[0-9]+",
        r"^(UP)?\s+[0-9]+",
    ]


def test_a_mutant_is_known_by_its_content() -> None:
    moved = operators.mutants_of("m", "import re\n\n\n" + LIMIT)
    assert [m.identity for m in moved] == [m.identity for m in operators.mutants_of("m", LIMIT)]


def test_who_has_imported_a_function_or_a_table_sees_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limit.py").write_text(LIMIT)
    (tmp_path / "user.py").write_text("from limit import LEAST, enough\nTWICE = LEAST * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(placing, "OURS", ("limit", "user"))
    user = importlib.import_module("user")
    more, stricter, *_ = operators.mutants_of("limit", LIMIT)
    placing.put_in_place(more)
    assert (user.LEAST, user.TWICE) == (4, 8)
    placing.put_in_place(stricter)
    with pytest.raises(ValueError, match="too few: 4"):
        user.enough(4)
    del sys.modules["user"], sys.modules["limit"]


JUDGED = """
import sys, pytest
from tests.mutants.judge import Judge
from tests.mutants.operators import mutants_of
folder = sys.argv[1]
mutants = mutants_of("limit", open(f"{folder}/limit.py").read())
told = []
note, asks = lambda j: told.append((j.mutant.after, j.outcome)), lambda module, item: "another" not in item.name
judge = Judge(mutants, {f"{folder}/limit.py": "limit"}, 2, note, asks)
pytest.main(["-n", "0", "-p", "no:terminal", f"--rootdir={folder}", "-c/dev/null", folder], plugins=[judge])
print(judge.trouble, *sorted(told), sep="\\n")
"""


def judged(folder: Path, test: str) -> str:
    (folder / "limit.py").write_text(LIMIT)
    (folder / "test_limit.py").write_text(f"import sys\nsys.path.insert(0, {str(folder)!r})\n{dedent(test)}")
    program = [sys.executable, "-c", JUDGED, str(folder)]
    return subprocess.run(program, capture_output=True, text=True, check=True, cwd=sources.ROOT, timeout=300).stdout


def test_a_mutant_is_killed_or_survives(tmp_path: Path) -> None:
    said = judged(tmp_path, "from limit import enough\ndef test_five(): assert enough(5) is True")
    assert "('False', 'killed')" in said
    assert "('found >= LEAST', 'killed')" in said
    assert "('found <= LEAST', 'survived')" in said


def test_a_mutant_is_judged_by_the_tests_of_its_module_alone(tmp_path: Path) -> None:
    said = judged(tmp_path, "from limit import enough\ndef test_it(): enough(5)\ndef test_another(): assert enough(5)")
    assert "('found >= LEAST', 'killed')" in said
    assert "('False', 'survived')" in said


@pytest.mark.parametrize(("file", "is_asked"), [("test_storage.py", True), ("test_dcgm.py", False)])
def test_the_tests_of_a_module_are_those_that_import_it(file: str, is_asked: bool) -> None:
    item: Any = SimpleNamespace(nodeid=f"{file}::test_x", path=sources.ROOT / "tests/unit/parse" / file)
    assert judges("dlws.parse.storage.df", item) is is_asked


def test_without_a_green_start_nothing_is_judged(tmp_path: Path) -> None:
    said = judged(tmp_path, "from limit import enough\ndef test_one(): assert enough(1)")
    assert said.startswith("test_limit.py::test_one fails without a mutant")
    assert "killed" not in said


def test_a_result_holds_until_its_module_or_its_test_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, killer = "dlws.parse.host.timedate", "tests/unit/test_mutants.py::test_x"
    monkeypatch.setattr(results, "STORE", tmp_path)
    first, second, *rest = Results(module).mutants
    kept = Results(module)
    kept.note(Judged(first, "killed", killer))
    kept.note(Judged(second, "survived"))
    assert [m.identity for m in Results(module).stale()] == [m.identity for m in rest]
    monkeypatch.setattr(sources, "judges_of", lambda module: [])
    assert [m.identity for m in Results(module).stale()] == [m.identity for m in (second, *rest)]
    monkeypatch.setattr(sources, "file_of_test", lambda nodeid: sources.ROOT / "conftest.py")
    assert len(Results(module).stale()) == len(rest) + 2


def test_every_survivor_that_is_explained_is_still_a_mutant() -> None:
    for module, entries in groupby(results.explained(), key=lambda identity: identity[0]):
        there = {mutant.identity for mutant in operators.mutants_of(module, sources.path_of(module).read_text("utf-8"))}
        assert [entry for entry in entries if entry not in there] == []


def test_a_survivor_without_a_reason_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "survivors.yaml").write_text("m:\n- {in: f, before: a, after: b}\n")
    with pytest.raises(ValueError, match="m: a: no reason"):
        results.explained(tmp_path / "survivors.yaml")


def test_every_parser_and_every_check_has_tests_that_judge_it() -> None:
    assert [module for module in sources.modules([]) if not list(sources.judges_of(module))] == []
