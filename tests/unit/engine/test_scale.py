"""Commands beside install: who is new, what must be confirmed, stages that act on the master for their host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.project import Project

CHECKS = """
from dlws.engine.check import goal

@check("T01", title_zh="在", fix="make it")
def test_made(host):
    \"\"\"made is there.\"\"\"
    expect("made", found=host.run("test -e made").rc, expected=0)

@goal("T02", title_zh="清", fix="clean it")
def test_clean(host):
    \"\"\"made is gone.\"\"\"
    expect("made", found=host.run("test -e made").rc, expected=1)
"""
STAGES = """
@stage(section="1", proves=[facts.test_made])
def test_make(change, node, on_master):
    \"\"\"Make it, and tell the master.\"\"\"
    on_master.run("echo %s >> told", node.name)
    change.run("touch made")

@stage(section="2", commands=("reset",), proves=[facts.test_clean])
def test_unmake(change):
    \"\"\"Unmake it.\"\"\"
    change.run("rm made")
"""
HOSTS = ("a1", "a2", "a3")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, stages=STAGES, checks=CHECKS, hosts=HOSTS)


def with_nodes(project: Project, *names: str) -> None:
    """A kubectl on the master that knows these nodes."""
    listing = "".join(f"echo node/{name};" for name in names)
    (project.path / "bin").mkdir()
    kubectl = project.write("bin/kubectl", f"#!/bin/sh\n{listing or 'exit 1'}\n")
    kubectl.chmod(0o755)


def path(project: Project) -> str:
    return f"{project.path / 'bin'}:/usr/bin:/bin"


def test_a_stage_acts_on_the_master_for_its_host(project: Project) -> None:
    assert project.run("-m", "install", "-n", "0").status == 0
    assert project.sent("a1") == ["echo a1 >> told", "touch made", "echo a2 >> told", "echo a3 >> told"]
    assert [action.text for action in project.results["make[a2]"].actions] == ["echo a2 >> told", "touch made"]


def test_a_lost_master_is_no_finding_about_the_host(project: Project) -> None:
    project.on("a1", "unreachable")
    project.run("-m", "install", "-n", "0")
    result = project.results["make[a2]"]
    assert (result.outcome, result.verdict) == ("failed", "FAIL")
    assert "a1: no route to host" in result.sentence
    assert project.verdicts["make[a1]"] == "UNREACHABLE"


@pytest.mark.parametrize("width", ["0", "2"])
def test_scale_up_touches_new_hosts_alone(project: Project, width: str) -> None:
    with_nodes(project, "a1", "a2")
    assert project.run("-m", "scale_up", "-n", width, PATH=path(project)).status == 0
    assert project.outcomes == {"make[a3]": "changed"}
    assert project.sent("a2") == []


def test_scale_up_of_some_hosts_leaves_nodes_alone(project: Project) -> None:
    with_nodes(project, "a1")
    assert project.run("-m", "scale_up", "-n", "0", "--limit", "a[12]", PATH=path(project)).status == 0
    assert project.outcomes == {"make[a2]": "changed"}
    again = project.run("-m", "scale_up", "-n", "0", "--limit", "a1", PATH=path(project))
    assert "nothing to add: every machine of config.yaml that --limit names is a node" in again.out


def test_scale_up_without_a_new_host_says_so(project: Project) -> None:
    with_nodes(project, *HOSTS)
    ran = project.run("-m", "scale_up", "-n", "0", PATH=path(project))
    assert ran.status == 0
    assert "nothing to add: every machine of config.yaml is a node of demo already" in ran.out


def test_scale_up_stops_when_the_cluster_does_not_answer(project: Project) -> None:
    with_nodes(project)
    ran = project.run("-m", "scale_up", "-n", "0", PATH=path(project))
    assert ran.status == 4
    assert "cannot tell which hosts are new" in ran.error


def test_what_cannot_be_undone_must_name_its_cluster(project: Project) -> None:
    for words in ((), ("--confirm", "other")):
        ran = project.run("-m", "reset", *words)
        assert ran.status == 4
        assert "add --confirm demo" in ran.error
    assert all(project.sent(host) == [] for host in HOSTS)


def test_a_confirmed_reset_is_carried_out(project: Project) -> None:
    project.on("a2", "made")
    assert project.run("-m", "reset", "--confirm", "demo", "-n", "0").status == 0
    assert project.outcomes == {"unmake[a1]": "unchanged", "unmake[a2]": "changed", "unmake[a3]": "unchanged"}


def test_a_goal_is_no_part_of_the_audit(project: Project) -> None:
    project.run("-m", "verify")
    assert {label.partition("[")[0] for label in project.results} == {"made"}


def test_an_install_shows_its_critical_path(project: Project) -> None:
    assert "critical path" in project.run("-m", "install", "-n", "0").out
