"""`--replay RUN` as a user types it, on a small project whose hosts are then taken away."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

import reports
from dlws.config.cluster import load
from dlws.engine import inputs, replay
from dlws.engine.options import STAGE_COMMANDS, check_replay
from dlws.record.ledger import Ledger, Result
from dlws.record.run_folder import RunFolder
from reports import record
from tests.kits.project import Project

CHECKS = '''
from dlws.engine.check import judges_api

@preflight
@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)

@check("T02", severity=Severity.WARNING, title_zh="数", fix="count")
def test_growth(host):
    """It grows."""
    before, after = (host.read("echo x >> grown; wc -l < grown") for _ in range(2))
    expect("growth", found=int(after) - int(before), expected=1)

@check("T03", title_zh="工具", fix="install it")
def test_tool(host):
    """The tool answers."""
    host.read("no-such-tool")

@check("T04", on=control_host, title_zh="文件", fix="write it")
def test_note(cluster, notes):
    """The file beside the configuration is good."""
    expect("note", found=notes.take("read note", (cluster.path.parent / "note").read_text), expected="good")

@check("T05", title_zh="时钟", fix="chronyd")
def test_clock(host):
    """The clock is right."""
    expect_that(abs(host.clock()[0]) < 60, "clock", found=host.clock(), expected="right")

@active
@check("T06", title_zh="忙", fix="rest")
def test_load(host):
    """It bears a load."""
    expect("load", found=host.run_active([0], "echo $$ > load; cat load").text.strip().isdigit(), expected=True)

@judges_api
@check("T08", on=whole_cluster, title_zh="接口", fix="start it")
def test_api(kube):
    """The API answers."""
    kube.answer("/readyz")

@check("T09", title_zh="节点", fix="join it")
def test_nodes(kube):
    """There are nodes."""
    expect("nodes", found=len(kube.list("nodes")), expected=3)

@check("T07", title_zh="密", fix="hide", severity=Severity.WARNING)
def test_secret(host, cluster):
    """The host does not know the password."""
    expect("known", found=host.read("cat shown"), expected="nothing")
'''
WAIVERS = "- {{id: T01, host: a2, owner: Li Wei, reason: Sunday, expires: {expires}}}\n"


class Audited(Project):
    """A project after an audit with every kind of finding, and after its replay without hosts, configuration, waivers.

    `said` is what the replay printed, `first` the folder of the audit.
    """

    said = ""

    @property
    def first(self) -> RunFolder:
        return RunFolder(self.folder.with_name("first"))


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    made = Audited(tmp_path_factory.mktemp("audited"), checks=CHECKS, hosts=("a1", "a2", "a3"))
    made.on("a1", "it")
    made.on("a2", "shown", "invented-for-tests")
    made.on("a3", "unreachable")
    made.write("note", "good")
    made.write("waivers.yaml", WAIVERS.format(expires=date.today()))
    assert made.run("-m", "verify", "--active").status == 1
    made.folder.rename(made.folder.with_name("first"))
    shutil.rmtree(made.path / "hosts")
    for name in ("config.yaml", "note", "waivers.yaml"):
        (made.path / name).rename(made.path / f"{name}.away")
    ran = made.run("-m", "verify", "--replay", "first")
    assert ran.status == 1
    made.said = ran.out
    return made


def judgement(ledger: Ledger) -> list[Result]:
    """What was found, without when and how long."""
    return sorted((replace(r, started="", seconds=0.0) for r in ledger.results), key=lambda r: r.nodeid)


def test_a_replay_comes_to_the_same_in_every_word(audited: Audited) -> None:
    then = audited.first.read().ledger
    assert judgement(audited.ledger) == judgement(then)
    found = {str(result.verdict) for result in then.results}
    assert found == {"PASS", "WARN", "WAIVED", "UNKNOWN", "UNREACHABLE", "NOT RUN"}


def test_a_replay_has_the_same_canonical_record(audited: Audited) -> None:
    assert record.render(reports.read(RunFolder(audited.folder))) == record.render(reports.read(audited.first))


def test_a_replay_says_what_it_replays(audited: Audited) -> None:
    run, then = audited.ledger.run, audited.first.read().ledger.run
    assert (run.replays, run.audited, run.config_sha256) == (then.run, then.started, then.config_sha256)
    assert run.run.endswith("-verify-replay")
    assert f"demo verify, replay of {then.run}: " in audited.said
    assert then.run in (audited.folder / "junit.xml").read_text()
    assert f"<dt>Replay of</dt><dd><code>{then.run}</code>" in (audited.folder / "report.html").read_text()


def test_a_replay_can_be_replayed_and_limited_and_share_its_work(audited: Audited) -> None:
    again, whole = audited.folder, record.build(reports.read(audited.first))
    assert audited.run("--replay", again.name, "--limit", "a1,a3", "-n", "2").status == 1
    found = record.build(reports.read(RunFolder(audited.folder)))
    shutil.rmtree(audited.folder)
    assert found["run"] == whole["run"]
    assert found["checks"] == [check for check in whole["checks"] if check["host"] != "a2"]


def test_the_saved_inputs_hold_no_secret(audited: Audited) -> None:
    text = audited.first.inputs.read_text()
    assert json.loads(text)["cluster"]["document"]["mysql_password"] == "***"
    assert "invented-for-tests" not in text


def test_another_suite_judges_what_the_evidence_holds_and_no_more(audited: Audited, tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS.replace("test -e it", "ls it").replace('"T02"', '"T12"'))
    shutil.copytree(audited.first.path, tmp_path / "reports" / "out" / "demo" / "first")
    assert made.run("--replay", "first").status == 1
    found = made.results["it[a1]"]
    assert found.verdict == "UNKNOWN"
    assert found.sentence == "cannot know: not in the evidence of the run that is replayed: ls it"
    assert [item.id for item in made.ledger.not_run] == ["T02"] * 3
    assert "T12" not in {item.id for item in made.ledger.run.items}


def test_a_check_that_moved_and_was_renamed_is_the_same_by_its_id(audited: Audited, tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS.replace("test_it(", "test_it_is_there("))
    shutil.copytree(audited.first.path, tmp_path / "reports" / "out" / "demo" / "first")
    assert made.run("--replay", "first").status == 1
    assert made.results["it_is_there[a1]"].verdict == "PASS"
    assert made.ledger.not_run == ()


@pytest.mark.parametrize("folder", [(), (".",)])
def test_what_was_not_judged_is_said_where_the_projects_root_is_named(
    audited: Audited, tmp_path: Path, folder: tuple[str, ...]
) -> None:
    made = Project(tmp_path, checks=CHECKS.replace('"T02"', '"T12"'))
    shutil.copytree(audited.first.path, tmp_path / "reports" / "out" / "demo" / "first")
    made.run("--replay", "first", *folder)
    assert [item.id for item in made.ledger.not_run] == ["T02"] * 3


def test_an_install_is_not_replayed(audited: Audited) -> None:
    ran = audited.run("-m", "install", "--replay", "first")
    words = "--replay judges an audit again, offline; -m install changes hosts: leave one out"
    assert (ran.status, ran.error) == (4, words)


@pytest.mark.parametrize("command", STAGE_COMMANDS)
def test_no_command_that_changes_hosts_is_replayed(command: str) -> None:
    option = SimpleNamespace(replay="first", plan=False)
    with pytest.raises(pytest.UsageError, match=f"-m {command} changes hosts"):
        check_replay(SimpleNamespace(option=option), command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("second", "verify", "no run of this name"),
        (str(Path(__file__).parent), "verify", r"no ledger\.jsonl here"),
        ("first", "preflight", "first is a run of verify: replay it with -m verify"),
    ],
)
def test_what_cannot_be_replayed_is_named(audited: Audited, name: str, command: str, words: str) -> None:
    with pytest.raises(pytest.UsageError, match=words):
        replay.named(name, audited.path / "reports" / "out", command)


def test_waivers_are_those_of_the_day_of_the_run(audited: Audited, tmp_path: Path) -> None:
    saved = audited.first.inputs.read_text().replace(date.today().isoformat(), "2020-02-02")
    RunFolder(tmp_path).inputs.write_text(saved)
    told = inputs.load(RunFolder(tmp_path))
    assert told
    assert told.waivers.find("T01", "a2")


def test_a_run_that_kept_no_configuration_needs_the_same_file(audited: Audited, tmp_path: Path) -> None:
    shutil.copy(audited.first.ledger, tmp_path)
    run = replay.audited(tmp_path)
    shutil.copy(audited.path / "config.yaml.away", tmp_path / "config.yaml")
    cluster = load(tmp_path / "config.yaml")
    told = replay.recorded_inputs(run, lambda: cluster, lambda path: run.ledger.run.config_sha256)
    assert told.cluster == cluster
    with pytest.raises(pytest.UsageError, match=r"kept no configuration, and .*config\.yaml is another"):
        replay.recorded_inputs(run, lambda: cluster, lambda path: "0" * 64)
