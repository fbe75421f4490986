"""The command line on a small project: what runs, what is refused, and in which words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlws.config.cluster import HOW_TO_START
from dlws.engine.lock import hold
from dlws.engine.options import command_of
from dlws.record.ownership import user
from tests.kits.project import Project, environment_with

CHECKS = '''
@preflight
@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)

@active
@check("T02", title_zh="忙", fix="rest")
def test_load(host):
    """It bears a load."""
'''
STAGES = '''
@stage(section="2.1", proves=[facts.test_it])
def test_make_it(change):
    """Make it."""
    change.run("touch it")

@stage(section="2.2", after="make_it", proves=[facts.test_it])
def test_keep_it(change):
    """Keep it."""
'''


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("small"), stages=STAGES, checks=CHECKS)


@pytest.mark.parametrize("args", [[], ["."], ["-m", "not install"]], ids=" ".join)
def test_without_a_command_only_checks_are_run(small: Project, args: list[str]) -> None:
    assert small.run(*args).status == 1
    assert small.verdicts == {"it[a1]": "FAIL", "it[a2]": "FAIL"}
    assert small.sent("a1") == small.sent("a2") == []


def test_a_stage_named_by_file_is_refused(small: Project) -> None:
    ran = small.run("install/s1.py")
    assert (ran.status, small.sent("a1")) == (4, [])
    assert ran.error == "stages change hosts and run only with -m install (see --plan for a look ahead)"


def test_a_file_is_no_way_to_choose_stages(small: Project) -> None:
    assert small.run("-m", "install", "install/s1.py").error == "-m install: choose stages with --stages, not by file"


def test_stages_collected_outside_their_project_are_nobodys_tests(small: Project) -> None:
    ran = small.run("--rootdir", "/", "install/s1.py", "checks/facts.py")
    assert (ran.status, small.sent("a1")) == (5, [])
    assert "no tests ran" in ran.out


@pytest.mark.parametrize("command", ["install", "verify"])
@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only"])
def test_an_option_by_which_no_test_runs_is_refused(small: Project, command: str, option: str) -> None:
    ran = small.run("-m", command, option)
    assert (ran.status, small.sent("a1")) == (4, [])
    assert ran.error == f"{option} is about pytest's fixtures; --plan shows what stages would change"


def test_active_checks_run_only_when_asked_for(small: Project) -> None:
    small.run("-m", "verify", "--active")
    assert small.verdicts == {"it[a1]": "FAIL", "it[a2]": "FAIL", "load[a1]": "PASS", "load[a2]": "PASS"}


def test_a_command_is_found_in_the_marker_expression() -> None:
    assert command_of("install") == "install"
    assert command_of("verify and not active") == "verify"
    assert command_of("not install") is None
    assert command_of("") is None


def test_a_mark_that_does_not_exist_is_one_line_with_those_that_do(small: Project) -> None:
    ran = small.run("-m", "nonsense and verify")
    assert ran.status == 4
    assert ran.error.startswith("-m: no mark 'nonsense'; marks: preflight, install, ")


@pytest.mark.parametrize(("word", "meant"), [("instal", "install"), ("verfy", "verify"), ("scaleup", "scale_up")])
def test_a_misspelt_command_is_one_line_with_the_one_that_was_meant(small: Project, word: str, meant: str) -> None:
    ran = small.run("-m", word)
    assert (ran.status, ran.error) == (4, f"-m: no mark '{word}', did you mean '{meant}'?")


def test_a_command_works_in_any_folder_of_the_project(small: Project) -> None:
    folder = small.path / "docs"
    folder.mkdir()
    command = [sys.executable, "-m", "pytest", "-m", "verify", "--cluster", "../config.yaml"]
    ran = subprocess.run(command, cwd=folder, env=environment_with(), capture_output=True, text=True, check=False)
    assert (ran.returncode, small.verdicts) == (1, {"it[a1]": "FAIL", "it[a2]": "FAIL"})


def test_two_commands_in_one_run_are_refused() -> None:
    with pytest.raises(pytest.UsageError, match="one command a run, not install and verify"):
        command_of("install or verify")


def test_an_unknown_host_or_stage_is_one_line_with_a_suggestion(small: Project) -> None:
    host = small.run("-m", "install", "--limit", "a11")
    assert (host.status, host.error) == (4, "--limit: no host 'a11', did you mean 'a1'?")
    stage = small.run("-m", "install", "--stages", "make_itt")
    assert stage.error == "--stages: no stage 'make_itt', did you mean 'make_it'?"


def test_a_list_of_stages_is_refused_as_one(small: Project) -> None:
    ran = small.run("-m", "install", "--stages", "make_it,keep_it")
    said = "--stages make_it,keep_it: one name, or a range FROM..TO; run the command once for each"
    assert (ran.status, ran.error) == (4, said)


def test_a_host_or_stage_like_no_other_is_answered_with_all(small: Project) -> None:
    host = small.run("-m", "install", "--limit", "www")
    assert (host.status, host.error) == (4, "--limit: no host 'www'; hosts: a1, a2")
    stage = small.run("-m", "install", "--stages", "www")
    assert stage.error == "--stages: no stage 'www'; stages: make_it, keep_it"


@pytest.mark.parametrize("words", [("--limit", "a1"), ("--stages", "3.8"), ("--resume",)])
def test_reboots_are_of_all_hosts(words: tuple[str, ...], small: Project) -> None:
    ran = small.run("-m", "reboot", *words)
    assert (ran.status, ran.error) == (4, f"-m reboot restarts every host, one role at a time: leave {words[0]} out")


def test_a_missing_configuration_is_one_line_that_says_how_to_start(small: Project) -> None:
    ran = small.run("-m", "verify", "--cluster", "other.yaml")
    assert ran.status == 4
    assert ran.error == f"{small.path}/other.yaml: error: does not exist ({HOW_TO_START})"


def test_a_busy_cluster_is_one_line_that_names_the_holder(small: Project) -> None:
    release = hold(small.path / "state" / "demo" / "lock", "install")
    ran = small.run("-m", "install")
    release()
    assert ran.status == 4
    assert ran.error.startswith("this cluster is being changed by pytest -m install (pid ")


def test_unusable_waivers_are_one_line(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS)
    made.write("waivers.yaml", "- id: T01\n")
    ran = made.run("-m", "verify")
    assert ran.status == 4
    assert "waivers.yaml: entry 0.host: Field required" in ran.error


NOT_OURS = """
def refuse(*_):
    raise PermissionError(13, "Permission denied", "{file}")
dlws.engine.run.{function} = refuse
"""


@pytest.mark.parametrize(("function", "file"), [("new_folder", "reports/out/demo/1"), ("load_cluster", "state/demo")])
def test_what_another_user_has_left_is_refused_in_words(tmp_path: Path, function: str, file: str) -> None:
    project = Project(tmp_path, stages=STAGES, checks=CHECKS)
    project.write("conftest.py", (tmp_path / "conftest.py").read_text() + NOT_OURS.format(function=function, file=file))
    ran = project.run("-m", "preflight")
    assert ran.status == 4
    assert ran.error == (
        f"{file}: {user()} may not use it. If a run of another user has left it, give the folder that holds it to "
        f"{user()} (chown -R)"
    )
