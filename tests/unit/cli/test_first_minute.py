"""The errors of the first minute: one line each, with what to do."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dlws import start
from dlws.engine.two_word_options import misplaced
from tests.kits.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def as_python(version: tuple[int, int], file: str) -> subprocess.CompletedProcess[str]:
    """A file run by this Python, which says that it is another."""
    lie = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0)"
    code = f"{lie}; import runpy; runpy.run_path({file!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", ["conftest.py", "dlws/__init__.py", "dlws/__main__.py", "dlws/start.py"])
def test_any_python_3_reads_what_refuses_it(file: str) -> None:
    ast.parse((ROOT / file).read_text("utf-8"), feature_version=(3, 6))
    assert "from __future__ import annotations" not in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("version", [(3, 6), (3, 8), (3, 10)])
def test_an_old_python_is_one_line_for_pytest(version: tuple[int, int]) -> None:
    ran = as_python(version, "conftest.py")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith(f"The suite needs Python 3.11 or newer, this is Python 3.{version[1]}: run `make env`")


def test_an_old_python_is_one_line_for_dlws() -> None:
    ran = as_python((3, 8), "dlws/__main__.py")
    expected = "dlws: Python 3.11 or newer is needed, this is Python 3.8: run `make env`, then .venv/bin/dlws\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", expected)


def test_the_oldest_python_is_the_packages() -> None:
    assert PROJECT["requires-python"] == ">={}.{}".format(*start.OLDEST)


def test_a_pytest_without_our_libraries_is_one_line() -> None:
    hide = "import sys; sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(lambda name, *_: None)}))"
    code = f"{hide}; sys.path[:] = []; exec(open('conftest.py').read())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"The suite's library pydantic is not installed for {sys.executable}: run `make env`")


@pytest.mark.parametrize(
    "words", [["-m", "install"], ["-m=verify"], ["--cluster=config.yaml"], ["-m", "install", "--plan"]]
)
def test_a_command_outside_the_suites_folder_is_one_line(words: list[str], tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *words]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr == f"pytest {' '.join(words)}: this is not the suite's folder. Fix: cd {ROOT}\n"


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["-m", "slow"], "."),
        (["-m", "install", "--rootdir", "x"], "."),
        (["-m", "install", "-c", "pytest.ini"], "."),
        (["-m", "install", str(ROOT)], "."),
        (["-m", "install"], str(ROOT / "docs")),
        ([], "."),
    ],
)
def test_other_peoples_projects_are_left_alone(words: list[str], folder: str, tmp_path: Path) -> None:
    assert misplaced(words, tmp_path / folder) == ""


@pytest.mark.parametrize("words", [("schema",), ("checks", "show", "H09")])
def test_output_that_finds_no_space_is_one_line(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dlws", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    why = "dlws: the output cannot be written: No space left on device (make room, or send it elsewhere)\n"
    assert (done.returncode, done.stderr) == (1, why)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as closed:
        words = (sys.executable, "-m", "dlws", "checks", "show", "H09")
        done = subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
