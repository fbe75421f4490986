"""`-m reboot` compares every verdict with what it was before: one that has changed is named."""

from __future__ import annotations

from pathlib import Path

from tests.kits.project import Project

CHECKS = '''
from dlws.engine.check import goal

@check("A01", title_zh="在", fix="-")
def test_file_is_there(host):
    """The file is there."""
    expect("file", found=host.run("test -e file").rc, expected=0)

COMPARED = [test_file_is_there.check]

@goal("A02", title_zh="记", fix="-", on=control_host)
def test_recorded(audit):
    """The state before is recorded."""
    expect_that(audit.record.exists(), "record", found="none", expected="one")

@goal("A03", title_zh="清", fix="-")
def test_file_is_gone(host):
    """The file is gone."""
    expect("file", found=host.run("test -e file").rc, expected=1)

@goal("A04", title_zh="同", fix="-", on=control_host)
def test_as_before(audit):
    """All is as before."""
    expect("verdicts that differ", found=audit.changed(COMPARED), expected=[])
'''
STAGES = '''
@stage(section="r", on=control_host, commands=("reboot",), proves=[facts.test_recorded])
def test_before(audit, change):
    """Record."""
    change.write_file(str(audit.record), audit.now(facts.COMPARED))

@stage(section="r", on=every_host, after="before", commands=("reboot",), proves=[facts.test_file_is_gone])
def test_restart(change):
    """What was only in memory is gone."""
    change.run("rm file")

@stage(section="r", on=control_host, after="restart[*]", commands=("reboot",), proves=[facts.test_as_before])
def test_after():
    """Compare."""
'''


def test_only_verdicts_that_differ_after_a_reboot_are_named(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, stages=STAGES)
    made.on("a2", "file")
    assert made.run("-m", "reboot", "-n", "0").status == 1
    assert made.outcomes == {
        "before[control]": "changed",
        "restart[a1]": "unchanged",
        "restart[a2]": "changed",
        "after[control]": "failed",
    }
    assert "found A01[a2] PASS -> FAIL. Fix" in made.results["after[control]"].sentence


def test_a_reboot_that_changes_nothing_is_green(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, stages=STAGES)
    assert made.run("-m", "reboot", "-n", "0").status == 0
    assert made.outcomes["after[control]"] == "unchanged"
