"""Signals to some of a run's processes, and workers whose controller is gone."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlws.engine.lock import ClusterBusy, hold
from tests.kits.project import ROOT, Project, end_of, environment_with, eventually
from tests.unit.engine.test_scheduler_kills import begun, let_go, project

MANY = '''
@stage(section="1", proves=[facts.test_base])
def test_base(host, change):
    """Make base, in twelve changes."""
    for number in range(11):
        change.run("sleep 0.3; touch step-%s", str(number))
    change.run("touch base")
'''
BASE = '''
@check("T01", title_zh="在", fix="make base")
def test_base(host):
    """base is there."""
    expect("base", found=host.run("test -e base").rc, expected=0)
'''


def workers(process: subprocess.Popen[str]) -> list[int]:
    """The controller's workers; another child is the helper on its master, by which it has the lease."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"exec(eval" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def lock_of(made: Project) -> Path:
    (lock,) = made.path.rglob("lock")
    return lock


def is_free(lock: Path) -> bool:
    try:
        hold(lock, "install")()
    except ClusterBusy:
        return False
    return True


def test_orphans_send_nothing_more_and_free_the_lock_last(tmp_path: Path) -> None:
    made = Project(tmp_path, stages=MANY, checks=BASE, hosts=["a1"])
    process = made.start("-m", "install", "-n", "1")
    eventually(lambda: len(made.sent("a1")) == 2)
    (worker,) = workers(process)
    os.kill(worker, signal.SIGSTOP)  # so that it is there when the lock is asked for
    process.kill()
    process.wait()
    sent = len(made.sent("a1"))
    with pytest.raises(ClusterBusy, match="changed by the last workers of pytest -m install"):
        hold(lock_of(made), "install")
    os.kill(worker, signal.SIGCONT)
    eventually(lambda: not is_running(worker))
    assert len(made.sent("a1")) <= sent
    eventually(lambda: is_free(lock_of(made)))  # a program that the worker was about to start may be there a moment


def test_a_signal_to_the_workers_alone_changes_nothing(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    process = begun(made, "-n", "2")
    for worker in workers(process):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(worker, number)
    let_go(made, "a1")
    assert end_of(process).status == 0
    assert set(made.outcomes.values()) == {"changed"}


SLOW_TO_START = """
import sys, time
if "-c" in sys.orig_argv:
    open("starting", "w").close()
    time.sleep(1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_as_workers_start_drains(tmp_path: Path, number: signal.Signals) -> None:
    made = project(tmp_path, "a1", "a2")
    made.write("slow/sitecustomize.py", SLOW_TO_START)
    process = made.start("-m", "install", "-n", "2", PYTHONPATH=f"{tmp_path}/slow:{ROOT}")
    eventually((tmp_path / "starting").exists)
    os.killpg(process.pid, number)
    ran, end = end_of(process), made.ledger.end
    assert "INTERNALERROR" not in ran.out
    assert end is not None
    assert (ran.status, end.exit_status, end.reason) == (2, 2, f"interrupted by {number.name}")
    assert made.sent("a1") == []


def test_a_controller_that_was_stopped_goes_on(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    process = begun(made, "-n", "2")
    process.send_signal(signal.SIGSTOP)
    let_go(made, "a1")
    eventually(lambda: made.has("a1", "base"))
    process.send_signal(signal.SIGCONT)
    assert end_of(process).status == 0
    assert set(made.outcomes.values()) == {"changed"}


def test_a_second_ctrl_c_ends_the_run_at_once(tmp_path: Path) -> None:
    made = project(tmp_path, "a1")
    process = begun(made, "-n", "0")
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    ran, end = end_of(process), made.ledger.end
    let_go(made, "a1")
    assert end is not None
    assert (ran.status, end.exit_status) == (2, 2)


def test_a_run_whose_terminal_is_gone_is_drained(tmp_path: Path) -> None:
    made = project(tmp_path, "a1", "a2")
    made.on("a1", "slow")
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-m", "install", "-n", "2"]
    process = subprocess.Popen(
        words, cwd=made.path, env=environment_with(), start_new_session=True, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    eventually(lambda: len(made.sent("a1")) == 2)
    os.close(ours)
    os.killpg(process.pid, signal.SIGHUP)
    let_go(made, "a1")
    assert process.wait(30) == 2
    assert made.ledger.end is not None
    assert made.ledger.end.reason == "interrupted by SIGHUP"
    assert (made.folder / "report.html").exists()
    assert not (made.folder / "progress.sock").exists()


def test_a_hang_up_that_is_ignored_stays_so(tmp_path: Path) -> None:
    made = project(tmp_path, "a1")
    made.on("a1", "slow")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; a child inherits it
    process = made.start("-m", "install", "-n", "1")
    signal.signal(signal.SIGHUP, before)
    eventually(lambda: len(made.sent("a1")) == 2)
    os.killpg(process.pid, signal.SIGHUP)
    let_go(made, "a1")
    assert end_of(process).status == 0


EARLY = """
import os, pytest, signal

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    if not hasattr(session.config, "workerinput"):
        os.kill(os.getpid(), signal.{name})
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("width", ["0", "1"])
def test_a_signal_before_the_first_test_starts_none(width: str, name: str, tmp_path: Path) -> None:
    made = project(tmp_path, "a1")
    made.write("conftest.py", (tmp_path / "conftest.py").read_text() + EARLY.format(name=name))
    ran, end = made.run("-m", "install", "-n", width), made.ledger.end
    assert end is not None
    assert (ran.status, end.exit_status, end.reason, len(end.not_run)) == (2, 2, f"interrupted by {name}", 2)
