"""`--shard K/N`, `dlws reports merge` and `--replay`, as a user types them: three shards make one audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import reports
from dlws.cli import main
from dlws.engine.shards import divided, parse
from dlws.record.run_folder import RunFolder
from reports import record
from tests.kits.project import Project

CHECKS = '''
from dlws.engine.check import judges_api

@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)

@check("T02", on=whole_cluster, title_zh="同", fix="set them alike", severity=Severity.WARNING)
def test_versions_are_equal(hosts):
    """All hosts have one version."""
    found = {host.read("cat version").strip() for host in hosts.values()}
    expect("versions", found=sorted(found), expected=["1"])

@check("T03", on=whole_cluster, title_zh="表", fix="list it", causes=[test_versions_are_equal])
def test_master_lists_all(master, hosts):
    """The master lists every host."""
    listed = master.read("cat listed").split()
    expect("hosts not listed", found=[name for name in hosts if name not in listed], expected=[])

@check("T04", title_zh="号", fix="set it", causes=[test_versions_are_equal])
def test_version_is_one(host):
    """It is version 1."""
    expect("version", found=host.read("cat version").strip(), expected="1")

@check("T05", on=control_host, title_zh="文件", fix="write it")
def test_note(cluster, notes):
    """The file beside the configuration is good."""
    expect("note", found=notes.take("read note", (cluster.path.parent / "note").read_text), expected="good")

@check("T06", on=master, title_zh="主", fix="make it")
def test_master(host):
    """The master knows."""
    host.read("cat listed")

@judges_api
@check("T08", on=whole_cluster, title_zh="接口", fix="start it")
def test_api(kube):
    """The API answers."""
    kube.answer("/readyz")
'''
CHOSEN = "--shard divides a whole audit, of which no part can be merged alone: choose no checks"
ROOMS = """
from pathlib import Path
import fixtures.peers

fixtures.peers.answers = lambda node: node.name in Path("reached").read_text().split()

@check("T01", title_zh="通", fix="join them")
def test_peers_answer(host, peers):
    \"\"\"The host reaches the others.\"\"\"
    silent = [peer.name for peer in peers if host.run("test -e reaches-%s", peer.name).rc]
    expect("silent peers", found=silent, expected=[])
"""
HOSTS = ("a1", "a2", "a3", "a4", "a5")
VERSION = {"a1": "1", "a2": "1", "a3": "2", "a4": "1"}


class Sharded(Project):
    """A whole audit, the same in three shards, and the latter merged and judged."""

    def record(self, name: str) -> dict[str, Any]:
        """The canonical record of a run, but for the run's name and time."""
        made = record.build(reports.read(self.at(name)))
        return {field: value for field, value in made.items() if field not in ("run", "started")}

    def at(self, name: str) -> RunFolder:
        return RunFolder(self.path / "reports" / "out" / "demo" / name)

    def audit(self, name: str, *more: str) -> int:
        status = self.run("-m", "verify", *more).status
        self.folder.rename(self.at(name).path)
        return status


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Sharded:
    made = Sharded(tmp_path_factory.mktemp("sharded"), checks=CHECKS, hosts=HOSTS)
    for host, version in VERSION.items():
        made.on(host, "it")
        made.on(host, "version", version)
    made.on("a1", "listed", "a1 a2 a3")
    made.on("a5", "unreachable")
    made.write("note", "good")
    assert made.audit("whole") == 1
    statuses = [made.audit(f"part{at}", "--shard", f"{at}/3") for at in (1, 2, 3)]
    assert set(statuses) == {1}
    parts = [str(made.at(f"part{at}").path) for at in (3, 1, 2)]
    assert main(["reports", "merge", *parts, "--into", str(made.at("merged").path)]) == 0
    assert made.audit("judged", "--replay", str(made.at("merged").path)) == 1
    return made


def test_three_shards_come_to_what_one_audit_does(sharded: Sharded) -> None:
    assert sharded.record("judged") == sharded.record("whole")
    verdicts = {check["test"]: str(check["verdict"]) for check in sharded.record("judged")["checks"]}
    assert (verdicts["T02[cluster]"], verdicts["T03[cluster]"]) == ("WARN", "FAIL")
    assert verdicts["T05[control]"] == "PASS"


def test_a_machine_is_asked_in_one_shard(sharded: Sharded) -> None:
    parts = [{r.host for r in sharded.at(f"part{at}").read().ledger.results} for at in (1, 2, 3)]
    assert sorted(host for part in parts for host in part - {"control", "cluster"}) == list(HOSTS)
    asked = [{file.partition(".")[0] for file in sharded.at(f"part{at}").transcripts()} for at in (1, 2, 3)]
    assert sorted(name for part in asked for name in part if name in HOSTS[1:]) == list(HOSTS[1:])


def test_what_compares_hosts_is_left_to_the_whole(sharded: Sharded) -> None:
    for name in ("part1", "part2", "part3", "merged"):
        results = {result.key: result for result in sharded.at(name).read().ledger.results}
        assert (str(results["T02[cluster]"].verdict), results["T02[cluster]"].outcome) == ("NOT RUN", "gathered")
        assert results["T02[cluster]"].evidence != ()


def test_a_shard_says_that_it_is_one_and_is_never_green(tmp_path: Path) -> None:
    good = Project(tmp_path, checks=CHECKS.partition('@check("T02')[0], hosts=("a1", "a2"))
    for host in good.hosts:
        good.on(host, "it")
    ran = good.run("-m", "verify", "--shard", "1/2")
    assert ran.status == 0
    assert "demo verify: Shard 1/2: No finding on its hosts; 0 checks left to the whole" in ran.out


def test_rooms_that_do_not_reach_each_other_are_found(tmp_path: Path) -> None:
    rooms = divided(("a1", "a2", "a3", "a4"), 2)
    made = Sharded(tmp_path, checks=ROOMS, hosts=("a1", "a2", "a3", "a4"))
    for room in rooms:
        for host in room:
            for peer in room:
                made.on(host, f"reaches-{peer}")
    for at, room in enumerate(rooms, start=1):
        made.write("reached", " ".join({*room, "a1"}))
        assert made.audit(f"part{at}", "--shard", f"{at}/2") == 0
    parts = [str(made.at(f"part{at}").path) for at in (1, 2)]
    assert main(["reports", "merge", *parts, "--into", str(made.at("merged").path)]) == 0
    assert made.audit("judged", "--replay", str(made.at("merged").path)) == 1
    verdicts = {check["test"]: str(check["verdict"]) for check in made.record("judged")["checks"]}
    assert set(verdicts.values()) == {"FAIL"}


def test_a_shard_is_not_replayed_alone(sharded: Sharded) -> None:
    ran = sharded.run("-m", "verify", "--replay", "part2")
    assert ran.status == 4
    assert ran.error == "--replay: part2 is shard 2/3 of an audit: first dlws reports merge all"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("-m verify --shard 0/3", "--shard 0/3: name one of N shards as K/N, from 1/N to N/N"),
        ("-m verify --shard 4/3", "--shard 4/3: name one of N shards as K/N, from 1/N to N/N"),
        ("-m verify --shard=", "--shard : name one of N shards as K/N, from 1/N to N/N"),
        ("-m verify --shard 1/9", "--shard 1/9: demo has 5 machines; make fewer shards"),
        ("-m install --shard 1/3", "--shard divides an audit; -m install changes hosts: leave one out"),
        ("-m verify --shard 1/3 --limit a1", "--shard divides all machines: leave --limit out"),
        ("--shard 1/3 --replay whole", "--shard divides the machines to ask; --replay asks none: leave one out"),
        ("-m verify --shard 1/3 -k it", CHOSEN),
        ("-m verify --shard 1/3 checks/test_demo.py", CHOSEN),
        ("--shard 1/3 --active", "--active puts a load on the cluster, once for each shard: leave --shard out"),
    ],
)
def test_what_cannot_be_divided_is_refused(sharded: Sharded, args: str, words: str) -> None:
    ran = sharded.run(*args.split())
    assert (ran.status, ran.error) == (4, words)


@pytest.mark.parametrize(("hosts", "parts"), [(4, 2), (10, 3), (100, 7), (1000, 20), (5, 5)])
def test_shards_are_of_one_size_and_a_new_host_moves_few(hosts: int, parts: int) -> None:
    names = [f"node{number:04d}" for number in range(hosts)]
    before, after = divided(names, parts), divided([*names, "new"], parts)
    assert sorted(name for part in before for name in part) == names
    assert {len(part) for part in before} <= {hosts // parts, hosts // parts + 1}
    moved = {name for part, then in zip(after, before, strict=True) for name in part if name not in then} - {"new"}
    assert len(moved) <= parts // 2 + 1


def test_the_order_of_the_configuration_does_not_matter() -> None:
    names = [f"node{number}" for number in range(50)]
    assert divided(names, 4) == divided(reversed(names), 4)
    assert str(parse("2/4")) == "2/4"


def test_a_run_notes_which_checks_it_chose(tmp_path: Path) -> None:
    part = Sharded(tmp_path, checks=CHECKS.partition('@check("T02')[0], hosts=("a1", "a2"))
    for host in part.hosts:
        part.on(host, "it")
    assert part.audit("chosen", "--limit", "a1", "--active", "-k", "T01 or it") == 0
    assert part.audit("every", "--limit", "a2", "checks") == 0
    assert part.audit("again", "--replay", str(part.at("chosen").path)) == 0
    chosen = "--active -k 'T01 or it'"
    found = [part.at(name).read().ledger.run.selection for name in ("chosen", "every", "again")]
    assert found == [chosen, "", chosen]
