"""The `dlws` command: how its subcommands are found, and what it says to a wrong one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint

import click
import pytest

from dlws import cli
from dlws.cli import dlws, main
from dlws.record.ownership import user
from dlws.remote import command
from tests.kits.documents import ROOT

Output = pytest.CaptureFixture[str]
COMMANDS = {"checks", "completion", "csv", "host-keys", "init", "lab", "lint", "render", "reports", "schema"}
COMMANDS |= {"bundle", "pytest"}
HANDED_ON = "pytest"
"""The command whose words, `-h` too, are another program's."""


def installed(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    points = {name: EntryPoint(name, value, cli.ENTRY_POINTS) for name, value in values.items()}
    monkeypatch.setattr(cli, "installed", lambda: points)


def every(command: click.Command, *words: str) -> Iterable[tuple[str, ...]]:
    """The words of a command and of all its subcommands."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from every(found, *words, name)


@pytest.mark.parametrize("words", [words for words in every(dlws) if HANDED_ON not in words], ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(words: tuple[str, ...], option: str, capsys: Output) -> None:
    assert main([*words, option]) == 0
    usage, _, sentence = capsys.readouterr().out.splitlines()[:3]
    assert usage.startswith(" ".join(["Usage: dlws", *words]))
    assert sentence.strip()[0].isupper()


def test_help_lists_the_commands(capsys: Output) -> None:
    assert main(["-h"]) == 0
    lines = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert {line.split()[0] for line in lines if line} == COMMANDS


@pytest.mark.parametrize(
    ("words", "status", "hint"),
    [
        (["lnt"], 2, "No such command 'lnt'. Did you mean 'lint'?"),
        (["reports", "shw"], 4, "No such command 'shw'. Did you mean 'show'?"),
        (["reports", "diff", "a"], 4, "Missing argument 'RUN_B'"),
        (["reports", "--colour"], 4, "No such option"),
        (["checks", "lst"], 2, "Did you mean 'list'?"),
        (["lab", "break", "ssh_refused"], 2, "ssh_refused"),
    ],
)
def test_wrong_usage_is_answered(words: list[str], status: int, hint: str, capsys: Output) -> None:
    assert main(words) == status
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(("command", "status"), [("checks", 2), ("reports", 4)])
def test_a_command_without_a_subcommand_prints_its_help(command: str, status: int, capsys: Output) -> None:
    assert main([command]) == status
    assert capsys.readouterr().err.startswith(f"Usage: dlws {command} [OPTIONS] COMMAND")


def test_a_command_that_cannot_be_loaded_says_why(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    installed(monkeypatch, lint="dlws.config.command:lint", broken="no_such_module:command")
    assert main(["broken", "--option"]) == 1
    reason = "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"
    assert capsys.readouterr().err == f"dlws broken {reason}\n"
    assert main(["-h"]) == 0
    assert "broken  cannot be loaded" in capsys.readouterr().out


def test_a_suite_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(cli, "installed", cli.installed.__wrapped__)
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert main(["lint", "config.yaml"]) == 1
    assert capsys.readouterr().err.endswith("run `make env`\n")


def test_one_command_does_not_load_the_others() -> None:
    code = "import sys; from dlws.cli import main; main(['lint', '-h'])"
    code += "; print({'checks', 'reports', 'lab'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("\nset()\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str, capsys: Output) -> None:
    assert main(["completion", shell]) == 0
    assert f"_DLWS_COMPLETE={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(("line", "completed"), [("dlws rep", "reports"), ("dlws checks show h0", "H09")])
def test_a_shell_is_told_how_a_word_may_go_on(line: str, completed: str) -> None:
    words = line.split()
    asked = {"_DLWS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-m", "dlws"]
    done = subprocess.run(
        command, env={**os.environ, **asked}, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert f"plain,{completed}" in done.stdout.splitlines()


def test_a_missing_library_is_one_line() -> None:
    without = "import sys; sys.modules['click'] = None; from dlws.start import main; sys.exit(main())"
    ran = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "dlws: the library click is not installed here: run `make env`\n"


def test_what_another_user_has_left_is_refused_in_words(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: object) -> None:
        raise PermissionError(13, "Permission denied", "state/demo")

    monkeypatch.setattr(command, "load", load)
    assert main(["host-keys"]) == 1
    assert capsys.readouterr().err.startswith(f"state/demo: {user()} may not use it. If a run of another user")
