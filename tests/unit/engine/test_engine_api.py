"""What a run makes of a Kubernetes API that cannot be asked: one finding in an audit, no stop in an install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.project import Project

CHECKS = '''
from dlws.engine.check import judges_api
from dlws.record.answer import ApiUnreachable

@judges_api
@check("C01", on=master, title_zh="可用", fix="look at the kubelet")
def test_api(kube):
    """The API can be asked."""
    try:
        kube.answer("/readyz")
    except ApiUnreachable as error:
        raise Unknown(str(error)) from error

@check("K02", title_zh="就绪", fix="look at the kubelet")
def test_ready(node, kube):
    """The node is there."""
    expect("nodes", found=[n["metadata"]["name"] for n in kube.list("nodes")], expected=node.name)

@check("K01", on=whole_cluster, title_zh="全部", fix="join the missing")
def test_all(kube):
    """All nodes are there."""
    expect("nodes", found=len(kube.list("nodes")), expected=2)
'''
FIREWALL = '''
@check("N07", title_zh="墙", fix="open it")
def test_firewall(node):
    """No firewall is on."""
    expect("rules", found=["DROP"] if node.name == "a1" else [], expected=[])
'''
STAGES = '''
@stage(section="1", proves=[facts.test_ready])
def test_join(change):
    """Join."""
    change.run("touch joined")

@stage(section="2", on=master, proves=[facts.test_all])
def test_label(change):
    """Ask the API for something."""
    change.patch("nodes", "a1", {"metadata": {"labels": {"worker": "active"}}})
'''


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two hosts, and no admin.conf: the API cannot be asked."""
    return Project(tmp_path, stages=STAGES, checks=CHECKS)


def test_what_explains_it_is_the_one_finding(tmp_path: Path) -> None:
    checks = CHECKS.replace("on=master, ", "on=master, causes=[test_firewall], ")
    project = Project(tmp_path, checks=FIREWALL + checks)
    assert project.run("-m", "verify").status == 1
    assert {name for name, verdict in project.verdicts.items() if verdict in ("FAIL", "UNKNOWN")} == {"firewall[a1]"}


def test_an_audit_finds_it_once(project: Project) -> None:
    assert project.run("-m", "verify").status == 1
    assert project.verdicts == {
        "api[a1]": "UNKNOWN",
        "ready[a1]": "NOT RUN",
        "ready[a2]": "NOT RUN",
        "all[cluster]": "NOT RUN",
    }
    assert "no cluster yet" in project.results["ready[a1]"].sentence


def test_where_its_own_check_is_left_out_the_first_that_meets_it_finds_it(project: Project) -> None:
    assert project.run("-m", "verify", "-k", "ready").status == 1
    assert project.verdicts == {"ready[a1]": "UNKNOWN", "ready[a2]": "NOT RUN"}


def test_an_install_acts_all_the_same_and_fails_by_its_proofs(project: Project) -> None:
    assert project.run("-m", "install").status == 1
    assert project.has("a1", "joined")
    assert project.outcomes == {"join[a1]": "failed", "join[a2]": "failed", "label[a1]": "failed"}
    assert project.results["join[a1]"].verdict == "UNKNOWN"
    assert "no cluster yet" in project.results["label[a1]"].sentence


def test_a_plan_names_the_changes_of_the_api(project: Project) -> None:
    ran = project.run("-m", "install", "--plan", "--stages", "label")
    assert 'patch nodes a1: {"metadata": {"labels": {"worker": "active"}}}' in ran.out
    assert not project.has("a1", "joined")
