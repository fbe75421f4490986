"""The Chinese documents say what the English ones, the stages and the checks say."""

from __future__ import annotations

import re

import pytest

from checks.catalogue import declared
from dlws.engine.stage import RUNBOOK, Stage
from tests.kits.documents import ROOT, STAGES, code_lines

ENGLISH, CHINESE, GUIDE = (ROOT / name for name in ("README.md", "README.zh.md", "docs/zh/operator-guide.md"))
HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
SECTIONS = {stage.section for stage in STAGES.values() if stage.commands == RUNBOOK}


def expanded(text: str) -> set[str]:
    """The ids of checks in a text, those between `D31 … D37` too."""
    found = set(re.findall(r"\b[A-Z]\d\d\b", text))
    for letter, first, last in re.findall(r"\b([A-Z])(\d\d) … [A-Z](\d\d)\b", text):
        found |= {f"{letter}{number:02d}" for number in range(int(first), int(last) + 1)}
    return found


def section_of(number: str) -> str:
    """The guide's text on a section of the runbook."""
    return next(
        part for part in re.split(r"^###? ", GUIDE.read_text("utf-8"), flags=re.M) if part.startswith(f"{number} ")
    )


def test_each_readme_leads_to_the_other() -> None:
    assert "[中文](README.zh.md)" in ENGLISH.read_text("utf-8").splitlines()[2]
    assert "[English](README.md)" in CHINESE.read_text("utf-8").splitlines()[2]


def test_a_line_of_code_in_the_chinese_readme_is_in_the_english_one() -> None:
    english = list(code_lines(ENGLISH))
    for line in code_lines(CHINESE):
        words = HAN.split(line)[0].rstrip()
        assert line in english or (
            words != line and any(other.startswith(words.split("  ")[0]) for other in english)
        ), line


def test_the_readmes_have_the_same_parts() -> None:
    english, chinese = (file.read_text("utf-8").splitlines() for file in (ENGLISH, CHINESE))
    for mark in ("# ", "## ", "| ", "```"):
        assert len([x for x in english if x.startswith(mark)]) == len([x for x in chinese if x.startswith(mark)]), mark


def test_a_check_in_the_guide_is_declared() -> None:
    goals = {check.id for stage in STAGES.values() for check in stage.proves}
    assert expanded(GUIDE.read_text("utf-8")) <= {spec.id for spec in declared().values()} | goals


@pytest.mark.parametrize("stage", [s for s in STAGES.values() if s.commands == RUNBOOK], ids=lambda stage: stage.name)
def test_the_guide_names_each_stage_in_its_section_and_what_proves_it(stage: Stage) -> None:
    text = section_of(stage.section)
    assert f"`{stage.name}`" in text
    assert {check.id for check in stage.proves} <= expanded(text)


@pytest.mark.parametrize("number", sorted(SECTIONS))
def test_a_stage_in_the_guide_is_of_its_section(number: str) -> None:
    named = re.findall(r"`([a-z0-9_]+)`", "".join(re.findall(r"阶段 ((?:`\w+`、?)+)", section_of(number))))
    assert [name for name in named if name not in STAGES or STAGES[name].section != number] == []


def test_a_key_of_suite_in_the_guide_is_documented() -> None:
    keys = set(re.findall(r"`suite\.([a-z_.]+)", GUIDE.read_text("utf-8")))
    documented = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert len(keys) > 10
    assert {key for key in keys if f"`{key}`" not in documented and f"`{key}." not in documented} == set()
