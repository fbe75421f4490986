"""Evidence, and all that is made of it, is for its owner alone; a copy to hand over is made on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import reports
from dlws.cli import main
from dlws.engine.lock import hold
from dlws.record.whole_file import write
from reports import merge
from tests.kits import sample_run
from tests.kits.project import Project

CHECK = '''
@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)
'''


def modes(folder: Path) -> dict[str, int]:
    """By path, the mode of a folder and of all in it."""
    return {str(p.relative_to(folder.parent)): p.stat().st_mode & 0o777 for p in (folder, *folder.rglob("*"))}


def is_private(folder: Path) -> None:
    assert {name: oct(mode) for name, mode in modes(folder).items() if mode & 0o077} == {}


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_only_its_owner_reads_a_run(tmp_path: Path) -> None:
    project = Project(tmp_path, checks=CHECK, hosts=("a1", "a2"))
    project.on("a2", "unreachable")
    project.run("-m", "verify")
    assert {"report.html", "junit.xml", "inputs.json", "lost"} <= {path.name for path in project.folder.iterdir()}
    is_private(project.folder)
    first = project.folder
    project.run("-m", "verify", "--replay", first.name)
    is_private(project.folder)


def test_only_its_owner_reads_what_is_made_of_it_later(tmp_path: Path) -> None:
    folder = sample_run.lean(sample_run.verify()).write(tmp_path / "run").path
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    for command in (["html"], ["junit"], ["csv"], ["acceptance", "--format", "html"]):
        assert main(["reports", command[0], str(folder), *command[1:]]) == 0
    is_private(folder)


def test_only_its_owner_reads_a_merged_run(tmp_path: Path) -> None:
    one, two = (sample_run.verify(sample_run.HOSTS[at : at + 1], unreachable="") for at in (0, 1))
    merged = merge.merge([one.write(tmp_path / "1"), two.write(tmp_path / "2")], tmp_path / "all")
    reports.write_all(merged)
    is_private(merged.path)


def test_only_its_owner_reads_the_lock(tmp_path: Path) -> None:
    hold(tmp_path / "state" / "lock", "install")()
    assert (tmp_path / "state" / "lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640)])
def test_a_copy_to_hand_over_has_the_umask_s_mode(umask: int, mode: int, tmp_path: Path) -> None:
    folder = sample_run.lean(sample_run.verify()).write(tmp_path / "run").path
    os.umask(umask)
    assert main(["reports", "prometheus", str(folder), "-o", str(tmp_path / "dlws.prom")]) == 0
    assert main(["reports", "acceptance", str(folder), "--format", "html", "--into", str(tmp_path / "over")]) == 0
    for file in (tmp_path / "dlws.prom", tmp_path / "over" / "acceptance.html", tmp_path / "over" / "manifest.sha256"):
        assert file.stat().st_mode & 0o777 == mode


def test_the_umask_holds_for_private_files_too(tmp_path: Path) -> None:
    os.umask(0o277)
    assert write(tmp_path / "x", "").stat().st_mode & 0o777 == 0o400
