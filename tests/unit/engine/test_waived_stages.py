"""A waiver counts in a stage too: the install goes on, and says so in plan, report and record; expired, it stops."""

from __future__ import annotations

from pathlib import Path

import pytest

import reports
from reports import plan, record
from reports.summary import State
from tests.kits.project import Project

CHECKS = '''
@check("H01", title_zh="系统", fix="install it")
def test_system(host):
    """The system is the demanded one."""
    expect("operating system", found=f"ubuntu {host.read('cat system').strip()}", expected="ubuntu 18.04.1")

@check("S18", title_zh="盘", fix="mount it", harmful="a later mount would hide what was written")
def test_share(host):
    """The share is mounted."""
    expect("share", found=host.read("cat share").strip(), expected="mounted")

@check("T01", title_zh="在", fix="make tool")
def test_tool(host):
    """The tool is there."""
    expect("tool", found=host.run("test -e tool").rc, expected=0)
'''
STAGES = '''
@stage(section="2.1", proves=[facts.test_system, facts.test_share])
def test_requirements():
    """The requirements are met."""

@stage(section="3.8", after="requirements", proves=[facts.test_tool])
def test_tool(change):
    """Make the tool."""
    change.run("touch tool")
'''
WAIVER = "- {id: ID, host: 'a*', owner: Li Wei, reason: driver is certified for it, expires: DAY}\n"


def site(path: Path, id: str = "H01", day: str = "2999-01-01", **files: str) -> Project:
    """One host with 18.04.4 where 18.04.1 is demanded, and a waiver for a check until a day."""
    made = Project(path, stages=STAGES, checks=CHECKS, hosts=["a1"])
    for name, text in {"system": "18.04.4", "share": "mounted", **files}.items():
        made.on("a1", name, text)
    made.write("waivers.yaml", WAIVER.replace("ID", id).replace("DAY", day))
    return made


ACCEPTED = (
    "H01 operating system: expected ubuntu 18.04.1, found ubuntu 18.04.4"
    " (waived: driver is certified for it; Li Wei; until 2999-01-01)"
)


def test_an_accepted_precondition_lets_the_install_go_on(tmp_path: Path) -> None:
    made = site(tmp_path)
    ran = made.run("-m", "install", "-n", "0")
    assert (ran.status, made.verdicts) == (0, {"requirements[a1]": "WAIVED", "tool[a1]": "PASS"})
    assert made.outcomes == {"requirements[a1]": "unchanged", "tool[a1]": "changed"}
    assert made.has("a1", "tool")


def test_it_is_said_at_the_end_of_the_run_and_in_its_record(tmp_path: Path) -> None:
    made = site(tmp_path)
    ran = made.run("-m", "install", "-n", "0")
    overview = reports.read(made.folder)
    assert "Accepted by waivers.yaml" in ran.out
    assert ACCEPTED in " ".join(ran.out.split())
    assert overview.summary.state is State.GOOD
    assert overview.summary.headline == "All 2 stages hold, 1 changed, 1 stage with an accepted finding"
    assert [(w["id"], w["waives"]) for w in record.build(overview)["waivers"]] == [("H01", ["a1"])]


def test_it_is_said_in_the_plan(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.run("-m", "install", "--plan", "-n", "0")
    text = plan.render(reports.read(made.folder))
    assert f"requirements: goes on with an accepted finding: {ACCEPTED}" in text
    assert "1. touch tool" in text
    assert not made.sent("a1")


@pytest.mark.parametrize("width", [["-n", "0"], ["-n", "2"]])
def test_expired_it_stops_before_the_first_change(tmp_path: Path, width: list[str]) -> None:
    made = site(tmp_path, day="2026-01-31")
    assert made.run("-m", "install", *width).status == 1
    assert made.verdicts == {"requirements[a1]": "FAIL", "tool[a1]": "NOT RUN"}
    assert "(its waiver expired on 2026-01-31)" in made.results["requirements[a1]"].sentence
    assert not made.sent("a1")


def test_what_would_do_harm_is_not_waived_in_a_stage(tmp_path: Path) -> None:
    made = site(tmp_path, id="S18", system="18.04.1", share="a folder")
    assert made.run("-m", "install", "-n", "0").status == 1
    assert "no waiver counts in a stage: a later mount would hide" in made.results["requirements[a1]"].sentence
    assert not made.sent("a1")


def test_what_cannot_be_known_is_never_waived(tmp_path: Path) -> None:
    made = site(tmp_path)
    (tmp_path / "hosts" / "a1" / "system").unlink()
    assert made.run("-m", "install", "-n", "0").status == 1
    assert made.verdicts["requirements[a1]"] == "UNKNOWN"
