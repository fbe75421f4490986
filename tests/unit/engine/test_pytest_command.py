"""`dlws pytest` runs the suite from any folder, and DLWS_RUNS says where its runs are kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlws.engine.command import ROOT, command
from dlws.record.run_folder import RUNS, runs_of


def test_the_suite_is_named_and_the_options_are_pytests_own() -> None:
    words = command(("-m", "verify", "--cluster", "a.yaml", "-n", "2"))
    assert words[:6] == ["-m", "pytest", "-c", str(ROOT / "pytest.ini"), "--rootdir", str(ROOT)]
    assert words[6:] == ["-m", "verify", "--cluster=a.yaml", "-n", "2", str(ROOT)]


def test_elsewhere_the_configuration_is_that_of_the_folder(tmp_path: Path) -> None:
    started = [sys.executable, "-m", "dlws", "pytest", "-m", "verify"]
    ran = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 4
    assert f"{tmp_path}/config.yaml" in ran.stderr


def test_runs_are_kept_in_the_suite_unless_another_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNS, raising=False)
    assert runs_of(Path("/opt/suite")) == Path("/opt/suite/reports/out")
    monkeypatch.setenv(RUNS, "/srv/runs")
    assert runs_of(Path("/opt/suite")) == Path("/srv/runs")
