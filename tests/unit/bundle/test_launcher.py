"""The scripts that start a bundle's programs, with a loader that prints how it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bundle import folder
from dlws.inventory import Arch

LOADER = '#!/bin/sh\necho "$@"\necho "PATH=$PATH PRELOAD=$LD_PRELOAD LIBRARIES=$LD_LIBRARY_PATH RUNS=$DLWS_RUNS"\n'
SHELLS = [shell for shell in ("sh", "busybox sh", "bash --posix") if shutil.which(shell.split()[0])]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A bundle of scripts alone, in a folder whose name has a space."""
    made = tmp_path / "my bundle"
    for name, text in [*folder.own_files(Arch.AMD64), ("lib/ld-linux-x86-64.so.2", LOADER)]:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    return made


def started(program: Path | str, *words: str, cwd: Path, **more: str) -> list[str]:
    """The two lines of LOADER."""
    done = subprocess.run([program, *words], cwd=cwd, env=dict(os.environ, **more), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_python_starts_with_the_bundles_loader_and_libraries(place: Path, tmp_path: Path) -> None:
    called, _ = started(place / "bin/python3", "-c", "print('a b')", cwd=tmp_path)
    assert called == (
        f"--inhibit-cache --library-path {place}/lib --argv0 {place}/bin/python3"
        f" {place}/libexec/python3.11 -I -B -X utf8 -c print('a b')"
    )


def test_nothing_of_the_users_environment_reaches_the_loader(place: Path, tmp_path: Path) -> None:
    _, seen = started(place / "bin/ssh", cwd=tmp_path, LD_PRELOAD="", LD_LIBRARY_PATH="/opt/cuda/lib", PATH="/bin")
    assert seen == f"PATH={place}/bin:/bin PRELOAD= LIBRARIES= RUNS="


def test_a_program_that_starts_another_adds_to_path_once(place: Path, tmp_path: Path) -> None:
    _, seen = started(place / "bin/ssh", cwd=tmp_path, PATH=f"{place}/bin:/bin")
    assert seen.startswith(f"PATH={place}/bin:/bin ")


def test_dlws_keeps_its_runs_where_it_is_called(place: Path, tmp_path: Path) -> None:
    called, seen = started(place / "dlws", "lint", "my config.yaml", cwd=tmp_path)
    assert called.endswith("/libexec/python3.11 -I -B -X utf8 -m dlws lint my config.yaml")
    assert seen.endswith(f"RUNS={tmp_path}/reports/out")
    assert started(place / "dlws", cwd=tmp_path, DLWS_RUNS="/srv/runs")[1].endswith("RUNS=/srv/runs")


@pytest.mark.parametrize("target", ["../my bundle/dlws", "{place}/dlws"])
def test_a_symbolic_link_to_dlws_starts_it(place: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin/dlws"
    link.symlink_to(target.format(place=place))
    assert f"--library-path {place}/lib " in started(link, cwd=tmp_path)[0]


@pytest.mark.parametrize("shell", SHELLS)
def test_any_shell_finds_the_folder(place: Path, shell: str) -> None:
    words = [*shell.split(), "dlws"]
    called, _ = started(words[0], *words[1:], cwd=place, CDPATH=str(place.parent))
    assert f"--library-path {place}/lib " in called
