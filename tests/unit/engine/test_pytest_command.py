"""`dlws pytest` runs the suite from any folder, and DLWS_RUNS says where its runs are kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlws.engine.command import ROOT, command
from dlws.record.run_folder import RUNS, runs_of
from tests.kits.project import Project

CHECKS = '''
@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)
'''
STAGES = '''
@stage(section="2.1", proves=[facts.test_it])
def test_make_it(change):
    """Make it."""
    change.run("touch it")
'''


def test_the_suite_is_named_and_the_options_are_pytests_own() -> None:
    words = command(("-m", "verify", "--cluster", "a.yaml", "-n", "2"))
    assert words[:6] == ["-m", "pytest", "-c", str(ROOT / "pytest.ini"), "--rootdir", str(ROOT)]
    assert words[6:] == ["-m", "verify", "--cluster=a.yaml", "-n", "2", str(ROOT)]


def test_elsewhere_the_configuration_is_that_of_the_folder(tmp_path: Path) -> None:
    started = [sys.executable, "-m", "dlws", "pytest", "-m", "verify"]
    ran = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 4
    assert f"{tmp_path}/config.yaml" in ran.stderr


@pytest.mark.parametrize("width", ["0", "2"])
def test_naming_the_suite_collects_nothing_else_below_it(width: str, tmp_path: Path) -> None:
    made = Project(tmp_path, stages=STAGES, checks=CHECKS, hosts=["a1"])
    made.write("elsewhere/test_of_somebody_else.py", "raise RuntimeError")
    ran = made.run("-m", "install", "-n", width, str(tmp_path))
    assert (ran.status, made.outcomes) == (0, {"make_it[a1]": "changed"}), ran.out


def test_runs_are_kept_in_the_suite_unless_another_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNS, raising=False)
    assert runs_of(Path("/opt/suite")) == Path("/opt/suite/reports/out")
    monkeypatch.setenv(RUNS, "/srv/runs")
    assert runs_of(Path("/opt/suite")) == Path("/srv/runs")
