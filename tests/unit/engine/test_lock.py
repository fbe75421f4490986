"""One run at a time may change a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlws.engine.lock import ClusterBusy, hold


def test_a_second_run_is_told_who_holds_the_cluster(tmp_path: Path) -> None:
    release = hold(tmp_path / "state" / "lock", "install")
    with pytest.raises(ClusterBusy, match=rf"changed by pytest -m install \(pid {os.getpid()}, since .*wait for it"):
        hold(tmp_path / "state" / "lock", "reset")
    release()


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    hold(tmp_path / "lock", "install")()
    hold(tmp_path / "lock", "scale_up")()
    assert (tmp_path / "lock").read_text().startswith("pytest -m scale_up (pid ")


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    code = "import os, pathlib, sys; from dlws.engine.lock import hold"
    code += "; hold(pathlib.Path(sys.argv[1], 'lock'), 'install'); os.kill(os.getpid(), 9)"
    root = Path(__file__).parents[3]
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, env={**os.environ, "PYTHONPATH": "."})
    assert died.returncode == -9
    hold(tmp_path / "lock", "install")()


def test_clusters_do_not_lock_each_other(tmp_path: Path) -> None:
    releases = [hold(tmp_path / name, "install") for name in ("one", "two")]
    for release in releases:
        release()
    assert len(releases) == 2
