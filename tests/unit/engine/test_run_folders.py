"""The folder of a run: its own from the moment that its name is chosen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dlws.engine.run import new_folder
from tests.kits.project import Project


def test_runs_of_one_second_have_a_folder_each(tmp_path: Path) -> None:
    config: Any = SimpleNamespace(rootpath=tmp_path, add_cleanup=lambda function: None)
    cluster: Any = SimpleNamespace(name="demo")
    assert len({new_folder(config, cluster, "verify") for _ in range(5)}) == 5


def test_a_run_that_does_not_begin_leaves_no_folder(tmp_path: Path) -> None:
    made = Project(tmp_path, hosts=["a1"])
    assert made.run("-m", "verify", "--limit", "nowhere").status == 4
    assert made.run("-m", "verify", "--collect-only").status == 5
    assert list((tmp_path / "reports" / "out" / "demo").iterdir()) == []


def test_runs_that_cannot_be_kept_are_one_line(tmp_path: Path) -> None:
    made = Project(tmp_path, hosts=["a1"])
    (tmp_path / "taken").write_text("")
    ran = made.run("-m", "verify", DLWS_RUNS=str(tmp_path / "taken"))
    assert ran.status == 4
    assert f"{tmp_path}/taken/demo/" in ran.error
    assert "cannot be written: Not a directory. Make room there, or name another folder for runs" in ran.error
    assert "Traceback" not in ran.err + ran.out


def test_a_selection_of_nothing_says_by_what(tmp_path: Path) -> None:
    ran = Project(tmp_path, hosts=["a1"]).run("-m", "verify", "-n", "0", "-k", "H01")
    assert ran.status == 5
    assert "Nothing was run: no test is left by -m 'verify' -k 'H01'" in " ".join(ran.out.split())
