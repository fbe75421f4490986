"""--limit, --stages and --resume: what is taken, and what is asked of the hosts in place of what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.engine import selection
from dlws.record.ledger import Ledger, Outcome, Result
from dlws.verdict import Verdict
from tests.kits.graph import items, node
from tests.kits.project import Project


def cluster(*names: str) -> Any:
    nodes = tuple(node(name) for name in names)
    return SimpleNamespace(nodes=nodes, leaving=(), master=nodes[0])


def names(made: list[Any], keep: selection.Keep) -> list[str]:
    return [f"{item.spec.name}[{item.target.name}]" for item in made if keep(item)]


MADE = items(keys=(["control"], []), base=(["a1", "a2"], []), swap=(["a1", "a2"], ["base"]), join=(["a2"], ["swap"]))


@pytest.mark.parametrize("patterns", ["a2", "a2,a2", "a[2-9]", " a2 "])
def test_a_limit_keeps_the_matching_hosts_and_what_belongs_to_none(patterns: str) -> None:
    kept = names(MADE, selection.limited(cluster("a1", "a2"), patterns))
    assert kept == ["keys[control]", "base[a2]", "swap[a2]", "join[a2]"]


def test_a_stage_of_the_whole_cluster_that_acts_is_the_masters() -> None:
    made = items(unique=(["cluster"], []), nginx=(["cluster"], []))
    made[1].function = lambda on_master: None
    kept = {host: names(made, selection.limited(cluster("a1", "a2"), host)) for host in ("a1", "a2")}
    assert kept == {"a1": ["unique[cluster]", "nginx[cluster]"], "a2": ["unique[cluster]"]}


def test_a_limit_that_matches_nothing_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match=r"no host 'b\*'; hosts: a1, a2"):
        selection.limited(cluster("a1", "a2"), "a1,b*")


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("base", {"base"}),
        ("9.base", {"base"}),
        ("base..swap", {"base", "swap"}),
        ("..base", {"keys", "base"}),
        ("9.swap..", {"swap", "join"}),
        ("..", {"keys", "base", "swap", "join"}),
    ],
)
def test_stages_are_chosen_by_name_or_section_one_or_a_range(wanted: str, kept: set[str]) -> None:
    keep = selection.staged(MADE, wanted)
    assert {item.spec.name for item in MADE if keep(item)} == kept


def test_a_section_is_its_own_stages_wherever_they_stand() -> None:
    made = items(names=(["a1"], []), docker=(["a1"], []), hosts_file=(["a1"], []))
    for item, section in zip(made, ("2.4", "3.8", "2.4"), strict=True):
        item.spec = replace(item.spec, section=section)
    keep = selection.staged(made, "2.4")
    assert [item.spec.name for item in made if keep(item)] == ["names", "hosts_file"]


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match="swap comes after base"):
        selection.staged(MADE, "swap..base")


def ledger(sha256: str, **outcomes: Outcome) -> Ledger:
    by_name = {item.spec.name: item.nodeid for item in MADE if item.target.name == "a2"}
    results = tuple(
        Result(
            nodeid=by_name[name],
            name=name,
            host="a2",
            stage=True,
            verdict=Verdict.PASS,
            started="",
            seconds=0.0,
            worker="gw0",
            outcome=outcome,
        )
        for name, outcome in outcomes.items()
    )
    run: Any = SimpleNamespace(config_sha256=sha256)
    return Ledger(run, results, None)


def test_a_resumed_run_leaves_out_what_was_finished_and_only_that() -> None:
    last = ledger("same", base=Outcome.CHANGED, swap=Outcome.FAILED, join=Outcome.BLOCKED)
    kept = names(MADE, selection.resumed(last, "same"))
    assert kept == ["keys[control]", "base[a1]", "swap[a1]", "swap[a2]", "join[a2]"]


def test_another_configuration_or_no_earlier_run_starts_from_the_beginning() -> None:
    last = ledger("other", base=Outcome.CHANGED)
    assert len(names(MADE, selection.resumed(last, "same"))) == len(MADE)


CHECKS = """
def fact(id, name):
    def test(host):
        expect(name, found=host.run("test -e %s", name).rc, expected=0)
    test.__name__ = f"test_{name}"
    return check(id, title_zh="在", fix=f"make {name}")(test)

test_base, test_net, test_join = fact("T01", "base"), fact("T02", "net"), fact("T03", "join")
"""
STAGES = '''
@stage(section="1", proves=[facts.test_base])
def test_base(change):
    """Make base."""
    change.run("touch base")

@stage(section="2", after="base", proves=[facts.test_net])
def test_net(host, change):
    """Make net."""
    change.run("touch net")
    change.edit_file(str(host.read("pwd")) + "/net.conf", lambda text: "on\\n")

@stage(section="3", after=["net", "base[*]"], proves=[facts.test_join])
def test_join(change):
    """Join."""
    change.run("touch join")
'''


def project(path: Path) -> Project:
    return Project(path, stages=STAGES, checks=CHECKS)


def test_what_a_left_out_stage_proves_is_asked_of_the_hosts_instead(tmp_path: Path) -> None:
    made = project(tmp_path)
    for name in ("base", "net"):
        made.on("a1", name)
    made.on("a2", "base")
    assert made.run("-m", "install", "--stages", "join", "-n", "0").status == 1
    assert made.outcomes == {"join[a1]": "changed", "join[a2]": "failed"}
    assert made.results["join[a2]"].sentence == "not begun: needs net[a2]: T02 net: expected 0, found 1. Fix: make net"
    assert made.sent("a2") == []


def test_a_lost_host_outside_the_limit_still_blocks_a_barrier(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.on("a2", "unreachable")
    assert made.run("-m", "install", "--limit", "a1", "-n", "0").status == 1
    assert made.verdicts == {"base[a1]": "PASS", "net[a1]": "PASS", "join[a1]": "UNKNOWN"}
    assert made.results["join[a1]"].sentence == "not begun: needs base[a2]: a2: no route to host"


def test_a_plan_lists_every_action_of_every_stage_and_sends_nothing(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.on("a1", "base")
    assert made.run("-m", "install", "--plan", "-n", "0").status == 0
    planned = {label: [action.text for action in result.actions] for label, result in made.results.items()}
    edit = "edit {}/net.conf: +1 -0 lines"
    assert planned == {
        "base[a1]": [],
        "base[a2]": ["touch base"],
        "net[a1]": ["touch net", edit.format(made.path / "hosts" / "a1")],
        "net[a2]": ["touch net", edit.format(made.path / "hosts" / "a2")],
        "join[a1]": ["touch join"],
        "join[a2]": ["touch join"],
    }
    assert made.outcomes["base[a1]"] == "unchanged"
    assert made.outcomes["base[a2]"] == made.outcomes["join[a2]"] == "planned"
    assert made.sent("a1") == made.sent("a2") == []


def test_a_plan_takes_no_lock_and_is_not_what_a_later_run_resumes(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.run("-m", "install", "--plan", "-n", "0")
    assert not (made.path / "state" / "demo" / "lock").exists()
    assert made.run("-m", "install", "--resume", "-n", "2").status == 0
    assert len(made.results) == 6


def test_only_what_was_finished_lets_an_empty_run_end_in_0(tmp_path: Path) -> None:
    made = project(tmp_path)
    nothing, again = ("-m", "install", "-n", "0", "--resume", "-k", "base_"), ("-m", "install", "-n", "0", "--resume")
    assert made.run(*nothing).status == 5  # there is no run yet that could have finished anything
    assert made.run("-m", "install", "-n", "0").status == 0
    assert made.run(*nothing).status == 5
    assert made.run(*again, "-k", "base").status == 0
    assert made.run(*again).status == 0


SERVICES = '''
@stage(section="2.1", proves=[facts.test_other])
def test_before(change):
    """Make what comes first."""
    change.run("touch other")

@stage(section="2.2", proves=[facts.test_it], commands=("install", "start"))
def test_thing(change):
    """Start it."""
    change.run("touch it")

@stage(section="restart", proves=[facts.test_again], commands=("restart",), subject="thing")
def test_thing_restarted(change):
    """Restart it."""
    change.run("touch again")
'''
FACTS = "".join(
    f"""
@check("T0{number}", title_zh="在", fix="make it")
def test_{name}(host):
    \"\"\"It is there.\"\"\"
    expect("it", found=host.run("test -e {name}").rc, expected=0)
"""
    for number, name in enumerate(("other", "it", "again"))
)


def with_services(path: Path) -> Project:
    """A project of a cluster that runs DLWS."""
    made = Project(path, stages=SERVICES, checks=FACTS, hosts=["a1"])
    made.write("config.yaml", f"dlworkspace: checkout\n{(path / 'config.yaml').read_text()}")
    return made


@pytest.mark.parametrize(
    ("command", "stages", "sent"),
    [("restart", "thing", ["touch again"]), ("start", "thing", ["touch it"]), ("install", "thing..", ["touch it"])],
)
def test_a_name_stands_for_the_commands_own_stage(command: str, stages: str, sent: list[str], tmp_path: Path) -> None:
    made = with_services(tmp_path)
    ran = made.run("-m", command, "--stages", stages)
    assert (ran.status, made.sent("a1")) == (0, sent)


def test_a_stage_of_another_command_is_not_one_of_this(tmp_path: Path) -> None:
    ran = with_services(tmp_path).run("-m", "restart", "--stages", "before")
    assert (ran.status, ran.error) == (4, "--stages: no stage 'before'; stages: thing")
