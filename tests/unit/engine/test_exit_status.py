"""A run in which a collected test has no result never ends in status 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.project import Project
from tests.unit.engine.test_scheduler_kills import CHECKS, STAGES

MORTAL = """
import os, pytest

@pytest.hookimpl(tryfirst=True)
def {hook}(session):
    if hasattr(session.config, "workerinput"):
        os.kill(os.getpid(), {signal})
"""
FORGETFUL = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    yield
    if item.name == "test_top[a1]":
        item.result = None
        {deed}
"""
DEEDS = {"the_result_is_lost": "", "it_was_skipped": "pytest.skip('for no reason')"}


@pytest.mark.parametrize("hook", ["pytest_sessionstart", "pytest_collection_finish"])
@pytest.mark.parametrize("command", ["verify", "install"])
def test_workers_that_die_as_they_start_end_no_run_in_0(command: str, hook: str, tmp_path: Path) -> None:
    made = Project(tmp_path, stages=STAGES, checks=CHECKS, hosts=["a1", "a2"])
    made.write("conftest.py", (tmp_path / "conftest.py").read_text() + MORTAL.format(hook=hook, signal=9))
    ran, end = made.run("-m", command, "-n", "2", "--max-worker-restart=1"), made.ledger.end
    assert end is not None
    assert (ran.status, len(end.not_run)) == (end.exit_status, 4)
    assert ran.status in (2, 3)


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_pass_without_a_result_ends_no_run_in_0(deed: str, tmp_path: Path) -> None:
    made = Project(tmp_path, stages=STAGES, checks=CHECKS, hosts=["a1"])
    made.write("conftest.py", (tmp_path / "conftest.py").read_text() + FORGETFUL.format(deed=deed))
    assert made.run("-m", "install", "-n", "0").status == 2
