"""The engine on pretended hosts: what a stage comes to, and what that means for the stages after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kits.project import Project

CHECKS = '''
def fact(id, name, **more):
    def test(host):
        expect(name, found="there" if host.run("test -e %s", name).rc == 0 else "missing", expected="there")
    test.__name__ = test.__qualname__ = f"test_{name}"
    test.__doc__ = f"{name} is there."
    return check(id, title_zh="在", fix=f"make {name}", **more)(test)

test_base, test_tool, test_extra = fact("T01", "base"), fact("T02", "tool"), fact("T03", "extra")
test_join, test_demand = fact("T04", "join"), fact("T05", "demand")

@check("T06", title_zh="明", fix="install it")
def test_clear(host):
    """It can be read."""
    host.read("cat clear")

@check("T07", title_zh="坏", fix="repair it")
def test_broken(host):
    """A check with a fault of its own."""
    host.run("test ! -e broken").rc == 0 or {}["no such key"]

@check("T08", on=whole_cluster, title_zh="齐", fix="look")
def test_together(hosts):
    """All hosts have the tool."""
    expect("hosts without tool", found=[n for n, h in hosts.items() if h.run("test -e tool").rc], expected=[])
'''
STAGES = '''
@stage(section="1", proves=[facts.test_demand])
def test_demand():
    """demand must be there."""

@stage(section="2", after="demand", proves=[facts.test_base])
def test_base(change):
    """Make base."""
    change.run("test ! -e refuse-base && touch base")

@stage(section="3", after="base", proves=[facts.test_tool, facts.test_clear])
def test_tool(change):
    """Make tool; what became of it is for the checks to say."""
    change.run("test -e refuse-tool || touch tool")

@stage(section="4", after="base", proves=[facts.test_extra, facts.test_broken])
def test_extra(change):
    """Make extra."""
    change.run("touch extra")

@stage(section="5", on=whole_cluster, after="tool[*]", proves=[facts.test_together])
def test_together():
    """A barrier over all hosts."""

@stage(section="6", on=workers, after=["tool", "together", "base[a1]"], proves=[facts.test_join])
def test_join(change):
    """Join."""
    change.run("touch join")
'''
HOSTS = ("a1", "a2", "a3", "a4", "a5")


def project(path: Path, hosts: Sequence[str] = HOSTS) -> Project:
    made = Project(path, stages=STAGES, checks=CHECKS, hosts=hosts)
    for host in hosts:
        made.on(host, "demand")
        made.on(host, "clear")
    return made


def troubled(path: Path) -> Project:
    """Each host has a trouble of its own; a1 has none, a5 is as it should be already but for one stage."""
    made = project(path)
    for name in ("base", "extra"):
        made.on("a5", name)
    (path / "hosts" / "a2" / "demand").unlink()
    made.on("a3", "refuse-base")
    made.on("a4", "refuse-tool")
    made.on("a4", "broken")
    (path / "hosts" / "a5" / "clear").unlink()
    return made


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Such a project after a run of two workers."""
    made = troubled(tmp_path_factory.mktemp("mixed"))
    assert made.run("-m", "install", "-n", "2").status == 1
    return made


def test_a_stage_whose_checks_pass_is_not_entered(mixed: Project) -> None:
    assert {mixed.outcomes[f"{stage}[a5]"] for stage in ("demand", "base", "extra")} == {"unchanged"}
    assert mixed.sent("a5") == ["test -e refuse-tool || touch tool"]


def test_a_stage_whose_body_makes_it_true_is_changed_and_lists_its_actions(mixed: Project) -> None:
    result = mixed.results["base[a1]"]
    assert (result.outcome, result.verdict, [p.verdict for p in result.proofs]) == ("changed", "PASS", ["PASS"])
    assert [action.text for action in result.actions] == ["test ! -e refuse-base && touch base"]


def test_a_stage_that_does_not_come_true_fails_with_the_checks_message(mixed: Project) -> None:
    result = mixed.results["tool[a4]"]
    assert (result.outcome, result.verdict) == ("failed", "FAIL")
    assert result.sentence == "T02 tool: expected there, found missing. Fix: make tool"


def test_a_refused_change_is_named_before_the_failed_check(mixed: Project) -> None:
    message = mixed.results["base[a3]"].sentence
    assert message.startswith("test ! -e refuse-base && touch base: exit status 1: it said nothing; and T01 base:")


def test_what_cannot_be_known_is_unknown_and_not_failed(mixed: Project) -> None:
    result = mixed.results["tool[a5]"]
    assert (result.outcome, result.verdict) == ("failed", "UNKNOWN")
    assert "T06 cannot know: exit status 1: cat clear" in result.sentence


def test_a_requirement_fails_without_any_change(mixed: Project) -> None:
    result = mixed.results["demand[a2]"]
    assert (result.outcome, result.verdict, result.actions, mixed.sent("a2")) == ("failed", "FAIL", (), [])


def test_an_exception_in_a_check_is_unknown_and_keeps_the_actions(mixed: Project) -> None:
    result = mixed.results["extra[a4]"]
    assert (result.outcome, result.verdict) == ("failed", "UNKNOWN")
    assert "the suite itself broke" in result.sentence
    assert "KeyError: 'no such key' (checks/facts.py:" in result.sentence
    assert [action.text for action in result.actions] == ["touch extra"]


def test_what_comes_after_a_failure_is_not_run_and_other_hosts_go_on(mixed: Project) -> None:
    blocked = {label for label, outcome in mixed.outcomes.items() if outcome == "blocked"}
    own = {"base[a2]", "tool[a2]", "extra[a2]", "tool[a3]", "extra[a3]"}
    assert blocked == own | {"together[cluster]"} | {f"join[{host}]" for host in HOSTS[1:]}
    assert mixed.results["tool[a3]"].verdict == "NOT RUN"
    assert "needs base[a3]" in mixed.results["tool[a3]"].sentence


@pytest.mark.parametrize("width", [["-n", "0"], []], ids=["serial", "default width"])
def test_the_outcomes_do_not_depend_on_how_many_run_at_once(mixed: Project, width: list[str], tmp_path: Path) -> None:
    expected = mixed.outcomes
    again = troubled(tmp_path)
    assert again.run("-m", "install", *width).status == 1
    assert again.outcomes == expected


def test_a_run_with_findings_leaves_a_whole_ledger(mixed: Project) -> None:
    end = mixed.ledger.end
    assert end is not None
    assert (end.exit_status, end.not_run, mixed.ledger.not_run) == (1, (), ())


def test_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    made = project(tmp_path, ["a1", "a2"])
    assert made.run("-m", "install").status == 0
    assert set(made.outcomes.values()) == {"changed", "unchanged"}
    assert made.has("a2", "join")
    sent = made.sent("a2")
    assert made.run("-m", "install", "-n", "0", "--resume").status == 0
    assert made.ledger.results == ()
    assert made.run("-m", "install", "-n", "0").status == 0
    assert set(made.outcomes.values()) == {"unchanged"}
    assert made.sent("a2") == sent


LOST = '''
@stage(section="1", proves=[facts.test_base])
def test_base(change):
    """A change in two steps; the link is lost in the first."""
    change.run("echo once >> count; sleep 0.3; test -e refuse-base || touch base", deadline=30)
    change.run("touch never", text="the second step")

@stage(section="2", after="base", proves=[facts.test_tool])
def test_tool(change):
    """The next stage, on a link that is whole again."""
    change.run("rm cut; touch tool")
'''


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run in which every change of a1 and a2 loses its link; a2's does not come true."""
    made = Project(tmp_path_factory.mktemp("lost"), stages=LOST, checks=CHECKS, hosts=("a1", "a2"))
    for host in made.hosts:
        made.on(host, "cut")
    made.on("a2", "refuse-base")
    assert made.run("-m", "install", "-n", "2").status == 1
    return made


def test_a_change_whose_link_is_lost_is_never_sent_again(lost: Project) -> None:
    for host in lost.hosts:
        assert (lost.path / "hosts" / host / "count").read_text() == "once\n"
        assert not lost.has(host, "never")


def test_after_a_lost_link_the_command_is_awaited_and_checked(lost: Project) -> None:
    result = lost.results["base[a1]"]
    assert (result.outcome, result.verdict) == ("changed", "PASS")
    assert "link lost" in result.sentence
    assert len(result.actions) == 1
    assert lost.outcomes["tool[a1]"] == "changed"


def test_a_lost_change_that_did_not_come_true_has_failed_and_says_both(lost: Project) -> None:
    result = lost.results["base[a2]"]
    assert (result.outcome, result.verdict) == ("failed", "FAIL")
    assert "link lost" in result.sentence
    assert "; and T01 base: expected there, found missing. Fix: make base" in result.sentence
    assert lost.outcomes["tool[a2]"] == "blocked"
