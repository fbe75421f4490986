"""What the READMEs and the Chinese operator's guide tell people to type and to look up is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import install
from checks import __main__ as checks_command
from checks.catalogue import declared
from dlws import __main__ as cluster_command
from dlws.engine.check import one_or_many
from dlws.engine.options import COMMANDS
from dlws.engine.stage import RUNBOOK, Stage, stage_of
from reports import __main__ as reports_command

ROOT = Path(__file__).parents[3]
ENGLISH, CHINESE, GUIDE = (ROOT / name for name in ("README.md", "README.zh.md", "docs/zh/operator-guide.md"))
CHINESE_DOCS = pytest.mark.parametrize("file", [CHINESE, GUIDE], ids=lambda file: file.name)
COMMAND_LINES: dict[str, Callable[[Sequence[str]], int]] = {
    "checks": checks_command.main,
    "dlws": cluster_command.main,
    "reports": reports_command.main,
}
HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
MODULES = [importlib.import_module(f"install.{module.name}") for module in pkgutil.iter_modules(install.__path__)]
DECLARED = (one for module in MODULES for value in vars(module).values() for one in one_or_many(value))
STAGES = {stage.name: stage for value in DECLARED if (stage := stage_of(value))}
SECTIONS = {stage.section for stage in STAGES.values() if stage.commands == RUNBOOK}


def code_lines(file: Path) -> Iterator[str]:
    """The lines of a document's code blocks, without their comments."""
    for block in re.findall(r"^```\w*\n(.*?)^```", file.read_text("utf-8"), re.S | re.M):
        yield from (re.split(r"\s+# ", line)[0].rstrip() for line in block.splitlines())


def commands(file: Path) -> list[str]:
    """All that a document tells people to type of ours: in code blocks, and between backticks."""
    spans = re.findall(r"`([^`\n]+)`", file.read_text("utf-8"))
    return [line for line in (*code_lines(file), *spans) if line.startswith(("pytest", "python -m "))]


def options_of(module: str, command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The options that `python -m MODULE COMMAND --help` shows. It fails without such a command."""
    with pytest.raises(SystemExit) as ended:
        COMMAND_LINES[module]([command, "--help"])
    assert ended.value.code == 0, f"python -m {module} {command}: there is no such command"
    return set(OPTION.findall(capsys.readouterr().out))


def is_option_of_pytest(option: str, config: pytest.Config) -> bool:
    try:
        config.getoption(option)
    except ValueError:
        return option == "--strict"  # pytest's own, whose value is another option's
    return True


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


@pytest.mark.parametrize(
    "file",
    [ENGLISH, CHINESE, *(ROOT / "docs").rglob("*.md"), ROOT / "lab/README.md"],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_a_link_leads_to_a_file(file: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)[^):]*\)", file.read_text("utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


@CHINESE_DOCS
def test_a_command_of_pytest_is_one(file: Path, pytestconfig: pytest.Config) -> None:
    typed = [line for line in commands(file) if line.startswith("pytest")]
    assert typed
    for line in typed:
        assert {*re.findall(r" -m (\w+)", line)} <= {*COMMANDS}, line
        assert [o for o in OPTION.findall(line) if not is_option_of_pytest(o, pytestconfig)] == [], line
        if at := re.search(r"--stages (\S+)", line):
            words = set(at[1].split("..")) - {"", "NAME"}
            assert words <= STAGES.keys() | {stage.section for stage in STAGES.values()}, line


@CHINESE_DOCS
def test_a_command_of_a_module_is_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = [line.split() for line in commands(file) if re.match(r"python -m \w+ \w", line)]
    assert typed
    for _, _, module, command, *rest in typed:
        options = options_of(module, command, capsys)
        assert {word for word in rest if word.startswith("--")} <= options, f"python -m {module} {command}"


@CHINESE_DOCS
def test_an_option_that_stands_alone_is_one_of_ours(
    file: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    modules = [("dlws", "lint"), ("dlws", "render"), *(("reports", c) for c in ("diff", "merge", "acceptance"))]
    known = set().union(*(options_of(module, command, capsys) for module, command in modules))
    alone = {OPTION.match(span) for span in re.findall(r"`(--[^`\n]+)`", file.read_text("utf-8"))}
    names = {match[0] for match in alone if match}
    assert len(names) > 5
    assert {name for name in names if name not in known and not is_option_of_pytest(name, pytestconfig)} == set()


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
