"""Runs that are cut off: a worker killed, all of them, a signal to the group, the controller killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.kits.project import Project, end_of, eventually

CHECKS = '''
@check("T01", title_zh="在", fix="make base")
def test_base(host):
    """base is there."""
    expect("base", found=host.run("test -e base").rc, expected=0)

@check("T02", title_zh="在", fix="make top")
def test_top(host):
    """top is there."""
    expect("top", found=host.run("test -e top").rc, expected=0)
'''
STAGES = '''
@stage(section="1", proves=[facts.test_base])
def test_base(host, change):
    """Make base. A worker dies where `kill` lies, a host takes its time where `slow` lies."""
    change.run("touch begun")
    if host.run("test -e kill").rc == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    change.run("while test -e slow; do sleep 0.05; done; touch base", deadline=30)

@stage(section="2", after="base", proves=[facts.test_top])
def test_top(change):
    """Make top."""
    change.run("touch top")
'''


def project(path: Path, *hosts: str) -> Project:
    return Project(path, stages=STAGES, checks=CHECKS, hosts=hosts)


def let_go(made: Project, host: str) -> None:
    (made.path / "hosts" / host / "slow").unlink()


def begun(made: Project, *args: str) -> subprocess.Popen[str]:
    """A run that has a1 in the middle of `base`, and has finished nothing there."""
    made.on("a1", "slow")
    process = made.start("-m", "install", *args)
    eventually(lambda: len(made.sent("a1")) == 2)
    return process


def test_a_killed_worker_fails_its_stages_and_harms_no_host_of_another(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2", "a3")  # of two workers, one has a1 and a3
    made.on("a1", "kill")
    made.on("a3", "slow")
    assert made.run("-m", "install", "-n", "2").status == 1
    let_go(made, "a3")
    expected = {"base[a2]": "changed", "top[a2]": "changed"}
    for host in ("a1", "a3"):
        expected |= {f"base[{host}]": "failed", f"top[{host}]": "blocked"}
        assert made.results[f"base[{host}]"].verdict == "UNKNOWN"
        assert "crashed while running" in made.results[f"base[{host}]"].sentence
    assert made.outcomes == expected
    assert made.ledger.end is not None


def test_all_workers_killed_at_once_leave_a_complete_ledger(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    for host in made.hosts:
        made.on(host, "kill")
    assert made.run("-m", "install", "-n", "2").status == 1
    assert sorted(made.outcomes.values()) == ["blocked", "blocked", "failed", "failed"]
    assert made.ledger.not_run == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_the_group_lets_running_stages_finish(number: signal.Signals, tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    process = begun(made, "-n", "2")
    eventually(lambda: made.outcomes.get("top[a2]") == "changed")
    os.killpg(process.pid, number)
    let_go(made, "a1")
    ran, end = end_of(process), made.ledger.end
    assert end is not None
    assert (ran.status, end.exit_status, end.reason) == (2, 2, f"interrupted by {number.name}")
    assert made.outcomes == {"base[a1]": "changed", "base[a2]": "changed", "top[a2]": "changed"}
    assert end.not_run == ("top[a1]",)
    assert (made.folder / "junit.xml").exists()
    assert (made.folder / "report.html").exists()


def test_in_one_process_a_signal_lets_the_stage_finish_too(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    process = begun(made, "-n", "0")
    os.killpg(process.pid, signal.SIGTERM)
    let_go(made, "a1")
    ran, end = end_of(process), made.ledger.end
    assert end is not None
    assert (ran.status, end.reason, len(end.not_run)) == (2, "interrupted by SIGTERM", 3)
    assert made.outcomes == {"base[a1]": "changed"}


def test_a_second_run_finishes_what_a_killed_one_began(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    process = begun(made, "-n", "2")
    eventually(lambda: made.outcomes.get("top[a2]") == "changed")
    process.kill()
    process.wait()
    assert made.ledger.end is None
    assert {item.nodeid for item in made.ledger.not_run} == {f"install/s1.py::test_{s}[a1]" for s in ("base", "top")}
    let_go(made, "a1")
    end_of(process)  # its worker ends by itself
    assert made.run("-m", "install", "-n", "0", "--resume").status == 0
    assert set(made.outcomes) == {"base[a1]", "top[a1]"}
