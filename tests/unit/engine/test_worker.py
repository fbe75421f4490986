"""A worker serves many hosts: it waits for all of them at a time, and keeps apart what belongs to each."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.engine import options
from dlws.record.evidence import host_part
from tests.kits.project import Project, end_of, eventually
from tests.unit.engine.test_scheduler_kills import let_go, project

HOSTS = ("a1", "a2", "a3", "a4")


def test_one_worker_changes_many_hosts_at_a_time(tmp_path: Path) -> None:
    made = project(tmp_path, *HOSTS)
    for host in HOSTS:
        made.on(host, "slow")
    process = made.start("-m", "install", "-n", "1")
    eventually(lambda: all(len(made.sent(host)) == 2 for host in HOSTS))
    for host in HOSTS:
        let_go(made, host)
    assert end_of(process).status == 0
    assert set(made.outcomes.values()) == {"changed"}
    for result in made.results.values():
        assert {host_part(reference) for reference in result.evidence} == {result.host}
        assert result.evidence


@pytest.mark.parametrize(
    ("hosts", "processors", "workers"), [(4, 2, 2), (4, 64, 2), (100, 2, 2), (100, 64, 6), (300, 1, 1)]
)
def test_workers_are_few(hosts: int, processors: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(processors)))
    assert options.workers_for(hosts) == workers


CHECKS = '''
@check("T01", title_zh="一", fix="-")
def test_one(host):
    """One."""
    expect("one", found=host.run("echo one").rc, expected=0)

@check("T02", title_zh="二", fix="-")
def test_two(host):
    """Two."""
    expect("two", found=host.run("echo two").rc, expected=0)
'''


def test_in_an_audit_each_host_is_asked_by_one_worker(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, hosts=HOSTS)
    for _ in range(2):  # the second one asks ahead
        assert made.run("-m", "verify", "-n", "2").status == 0
    workers = {host: {r.worker for r in made.results.values() if r.host == host} for host in HOSTS}
    assert workers == {"a1": {"gw0"}, "a2": {"gw1"}, "a3": {"gw0"}, "a4": {"gw1"}}
    files = {file.name for file in (made.folder / "evidence").iterdir()}
    assert {name for name in files if name.startswith("a")} == {f"{h}.{w}.jsonl" for h, (w,) in workers.items()}


def test_a_worker_that_has_a_name_of_its_own_asks_nothing_ahead(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, hosts=HOSTS)
    for _ in range(2):
        done = made.run("-m", "verify", "-d", "--tx", "popen//id=gw0", "--tx", "popen//id=spare")
        assert done.status == 0, done.output
    assert {r.worker for r in made.results.values()} == {"gw0", "spare"}
