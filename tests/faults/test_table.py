"""The table of faults: every row has a trial, and every trial that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
TABLE: dict[str, list[dict[str, Any]]] = yaml.safe_load((TESTS / "faults/table.yaml").read_text("utf-8"))
ROWS = [pytest.param(row, id=row["fault"]) for rows in TABLE.values() for row in rows]


@cache
def names_in(file: Path) -> frozenset[str]:
    """The tests that a file defines; a test is not collected for that."""
    found = ast.walk(ast.parse(file.read_text("utf-8"))) if file.is_file() else ()
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef))


@cache
def proved() -> frozenset[str]:
    """The ids of checks that have cases."""
    texts = (file.read_text("utf-8") for file in (TESTS / "proofs").rglob("*.yaml"))
    return frozenset(found for text in texts for found in re.findall(r"^([A-Z]\d\d):", text, re.M))


@cache
def broken_in_the_lab() -> str:
    """What says which faults the lab knows."""
    return "".join(file.read_text("utf-8") for file in (ROOT / "lab").glob("*faults.py"))


def is_there(trial: str) -> bool:
    match trial.split():
        case ["proof", check]:
            return check in proved()
        case ["lab", "fault", name]:
            return f'"{name}"' in broken_in_the_lab()
        case ["long", program]:
            return (TESTS / program).is_file()
        case ["page", page, *words]:
            return " ".join(words) in (ROOT / page).read_text("utf-8")
    file, _, name = trial.partition("::")
    return name.startswith("test_") and name in names_in(TESTS / file)


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_has_a_trial_that_is_there(row: dict[str, Any]) -> None:
    assert set(row) - {"before"} == {"fault", "trial", "seen"}
    assert row["trial"]
    assert [trial for trial in row["trial"] if not is_there(trial)] == []


@pytest.mark.parametrize("row", TABLE["findings"], ids=lambda row: row["fault"][:3])
def test_a_finding_says_what_its_trial_met_before_the_mend(row: dict[str, Any]) -> None:
    assert row["before"] not in ("", row["seen"])


def test_no_fault_is_told_twice() -> None:
    faults = [row["fault"] for rows in TABLE.values() for row in rows]
    assert sorted(set(faults)) == sorted(faults)


def test_every_finding_of_the_review_has_its_row() -> None:
    told = [row["fault"].split()[0] for row in TABLE["findings"]]
    assert told == [f"S{number:02d}" for number in range(1, 49)]


def test_a_trial_that_is_not_there_is_noticed() -> None:
    wrong = [
        "proof H999",
        "lab fault sunshine",
        "unit/remote/test_ssh.py::test_none",
        "unit/none.py::test_a",
        "long x.py",
    ]
    assert [trial for trial in wrong if is_there(trial)] == []
