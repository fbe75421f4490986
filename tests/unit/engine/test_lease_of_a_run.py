"""What a run does with the lease on the master: an install needs it, an audit is told, a plan says who has it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.engine.run import ask_for_master
from dlws.engine.site import Site
from dlws.engine.waivers import Waivers
from dlws.record.answer import Unreachable
from dlws.remote.host import Host
from tests.kits.project import Project
from tests.kits.scripted import Scripted

CHECKS = """
@preflight
@check("A01", title_zh="无", fix="-")
def test_there(host):
    host.read("test -e there")
"""
STAGES = """
@stage(section="3.6", on=every_host, proves=[facts.test_there])
def test_placed(host, change):
    "Place it."
    change.run("touch there")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, stages=STAGES, checks=CHECKS)


@pytest.mark.parametrize("width", ["0", "2"])
def test_a_cluster_that_another_run_changes_is_left_alone(project: Project, width: str) -> None:
    project.on("a1", "held")
    ran = project.run("-m", "install", "-n", width, "--limit", "a2")
    assert ran.status == 4
    assert "a1: this cluster is being changed by another run; wait for it to end" in ran.out + ran.err
    assert project.sent("a2") == []
    assert list((project.path / "reports" / "out").glob("demo/*")) == []


def test_a_master_that_is_down_does_not_keep_the_others_waiting(project: Project) -> None:
    project.on("a1", "unreachable")
    assert project.run("-m", "install", "-n", "0").status == 1
    assert project.outcomes == {"placed[a1]": "failed", "placed[a2]": "changed"}


def test_another_run_that_comes_first_after_all_is_a_finding(project: Project) -> None:
    project.on("a2", "held")  # the master was lost meanwhile, and connected to by the other run first
    assert project.run("-m", "install", "-n", "0").status == 1
    assert project.verdicts == {"placed[a1]": "PASS", "placed[a2]": "FAIL"}
    assert project.results["placed[a2]"].message.startswith("this cluster is being changed by another run")


@pytest.mark.parametrize("width", ["0", "1"])
def test_a_run_that_has_lost_its_lease_changes_no_host(project: Project, width: str) -> None:
    slow = 'change.run("touch there")\n    change.run("touch ../a1/held; sleep 1")\n    change.run("touch more")'
    project.write(
        "install/s1.py", (project.path / "install/s1.py").read_text().replace('change.run("touch there")', slow)
    )
    assert project.run("-m", "install", "-n", width, "--limit", "a2").status == 1
    assert project.sent("a2") == ["touch there", "touch ../a1/held; sleep 1"]
    assert project.results["placed[a2]"].message == (
        "a1: this cluster is being changed by another run; wait for it to end"
    )


def test_a_plan_takes_no_lease_and_says_who_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"pgrep -f": (0, "4711\n", ""), "cat /run/dlws-suite.lock": (0, "pytest -m reset by eve on ctl2\n", "")}
    master = Host(Scripted("atlas02", answers))
    site: Any = SimpleNamespace(
        context=SimpleNamespace(lease="", plan=True),
        cluster=SimpleNamespace(master=SimpleNamespace(name="atlas02")),
        host=lambda target: master,
    )
    ask_for_master(site)
    assert capsys.readouterr().out.startswith(
        "atlas02: this cluster is being changed by pytest -m reset by eve on ctl2; "
    )


def test_one_host_tries_a_lost_master_for_all_that_wait() -> None:
    tried = []

    def restore() -> None:
        tried.append("atlas02")
        time.sleep(0.2)
        raise Unreachable("atlas02: no route to host")

    fleet: Any = SimpleNamespace(connection=lambda name: SimpleNamespace(restore=restore))
    cluster: Any = SimpleNamespace(master=SimpleNamespace(name="atlas02"))
    context: Any = SimpleNamespace(lease="pytest -m install", check_controller=lambda: None)
    site = Site(cluster, context, fleet, Waivers(), lambda label, text: None)
    host: Any = SimpleNamespace(name="atlas01")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(site.permit, [host] * 4))
    assert tried == ["atlas02"]
