"""What the documents tell people to type is there: the commands, their options, the targets of make, the links."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from dlws.cli import dlws
from dlws.engine.options import MARKERS
from tests.kits.documents import DOCUMENTS, OPTION, ROOT, STAGES, name_of, typed

EVERY_DOCUMENT = pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
FOR_USERS = [ROOT / name for name in ("README.md", "README.zh.md", "docs/zh/operator-guide.md")]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def command_of(words: list[str]) -> click.Command:
    """The command of `dlws` that the words name; `...` and placeholders end them. AssertionError if there is none."""
    command: click.Command = dlws
    for word in words:
        if not isinstance(command, click.Group) or not re.fullmatch("[a-z-]+", word) or word.startswith("-"):
            break
        found = command.get_command(click.Context(command), word)
        assert found, f"dlws {' '.join(words)}: no command {word}"
        command = found
    return command


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}


def every_option(command: click.Command) -> set[str]:
    """The options of a command and of all its subcommands."""
    context = click.Context(command)
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    below = (command.get_command(context, name) for name in names if isinstance(command, click.Group))
    return options_of(command).union(*(every_option(one) for one in below if one))


def is_option_of_pytest(option: str, config: pytest.Config) -> bool:
    try:
        config.getoption(option)
    except ValueError:
        return option == "--strict"  # pytest's own, whose value is another option's
    return True


def test_the_documents_name_commands() -> None:
    for program, least in (("dlws", 60), ("pytest", 60), ("make", 10)):
        assert sum(len(typed(file, program)) for file in DOCUMENTS) > least, program


@EVERY_DOCUMENT
def test_a_command_of_dlws_is_one(file: Path) -> None:
    for words in typed(file, "dlws"):
        options = {word.partition("=")[0].strip("[]") for word in words if word.lstrip("[").startswith("-")} - {"-"}
        assert options <= options_of(command_of(words)), f"dlws {' '.join(words)}"


@EVERY_DOCUMENT
def test_a_command_of_pytest_is_one(file: Path, pytestconfig: pytest.Config) -> None:
    for words in typed(file, "pytest"):
        line = " ".join(["pytest", *words])
        assert {*re.findall(r" -m (\w+)", line)} <= MARKERS.keys(), line
        assert [o for o in OPTION.findall(line) if not is_option_of_pytest(o, pytestconfig)] == [], line
        paths = [word.partition("::")[0] for word in words if re.match(r"(tests|checks|install)/", word)]
        assert [path for path in paths if not (ROOT / path).exists()] == [], line
        if at := re.search(r"--stages (\S+)", line):
            named = set(at[1].split("..")) - {"", "NAME"}
            assert named <= STAGES.keys() | {stage.section for stage in STAGES.values()}, line


@EVERY_DOCUMENT
def test_a_target_of_make_is_one(file: Path) -> None:
    for words in typed(file, "make"):
        assert {word for word in words if "=" not in word} <= TARGETS, f"make {' '.join(words)}"


@pytest.mark.parametrize("file", FOR_USERS, ids=name_of)
def test_an_option_that_stands_alone_is_one_of_ours(file: Path, pytestconfig: pytest.Config) -> None:
    known = every_option(dlws)
    alone = {OPTION.match(span) for span in re.findall(r"`(--[^`\n]+)`", file.read_text("utf-8"))}
    names = {match[0] for match in alone if match}
    assert len(names) > 5
    assert {name for name in names if name not in known and not is_option_of_pytest(name, pytestconfig)} == set()


@EVERY_DOCUMENT
def test_a_link_leads_to_a_file(file: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)[^):]*\)", file.read_text("utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []
