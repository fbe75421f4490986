"""The scheduler against invented workers: random graphs, random outcomes, random deaths, any order of finishing."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from dlws.engine import scheduler
from dlws.engine.graph import GRAPH, ordered
from dlws.engine.scheduler import Staged
from dlws.inventory import Whole
from tests.kits.graph import graph_of, items

HOSTS = ["a1", "a2", "a3", "a4", "a5"]


class Worker:
    """Stands for xdist's WorkerController: remembers what it was sent and heard."""

    shutting_down = False

    def __init__(self) -> None:
        self.tests: list[int] = []
        self.heard: dict[str, dict[str, str]] = {}

    def sendcommand(self, name: str, *, indices: list[int], outcomes: list[Any]) -> None:
        assert name == "runtests"
        self.tests += indices
        self.heard |= dict(outcomes)


class Rehearsal:
    """A run with invented workers; `step` lets one of them finish."""

    def __init__(self, made: list[Any], width: int, monkeypatch: pytest.MonkeyPatch) -> None:
        graph = graph_of(made)
        monkeypatch.setattr(scheduler, "parse_tx_spec_config", lambda config: [None] * width)
        plugins: Any = type("Plugins", (), {"getplugin": lambda _, name: self})()
        config = self.config = cast(Any, type("Config", (), {"stash": {GRAPH: graph}, "pluginmanager": plugins})())
        session = self.session = cast(Any, type("Session", (), {"items": ordered(made, graph)})())
        self.step_of = {item.nodeid: item.step for item in made}
        self.tests = [item.nodeid for item in session.items]
        self.staged = Staged(config, session)
        self.workers: list[Worker] = []
        self.done: dict[str, str] = {}
        self.crashed: list[str] = []
        for _ in range(width):
            self.add()
        self.staged.schedule()

    def add(self) -> None:
        worker: Any = Worker()
        self.workers.append(worker)
        self.staged.add_node(worker)
        self.staged.add_node_collection(worker, self.tests)

    @property
    def running(self) -> list[tuple[Worker, int]]:
        """What runs now, and where."""
        return [(worker, test) for worker in self.workers for test in worker.tests]

    @property
    def given(self) -> list[list[int]]:
        """The tests that each worker has now."""
        return [worker.tests for worker in self.workers]

    def check(self) -> None:
        """No step runs early, unheard or beside another on its host; none waits that might run."""
        targets = [self.step_of[self.tests[test]].target for _, test in self.running]
        hosts = [target.name for target in targets if not isinstance(target, Whole)]
        assert len(hosts) == len(set(hosts))
        for worker, test in self.running:
            for before in self.step_of[self.tests[test]].after:
                assert before in self.done, "started before what it comes after had finished"
                assert worker.heard[before]["call"] == self.done[before], "the worker was told another outcome"
        begun = {test for _, test in self.running}
        for index, nodeid in enumerate(self.tests):
            step = self.step_of[nodeid]
            may = step.label not in self.done and set(step.after) <= self.done.keys() and step.target.name not in hosts
            assert index in begun or not may, "a step waits that might run"

    def finish(self, worker: Any, index: int, outcome: str) -> None:
        worker.tests.remove(index)
        self.done[self.step_of[self.tests[index]].label] = outcome
        for phase in ("setup", "call", "teardown"):
            report: Any = type("Report", (), {"nodeid": self.tests[index], "when": phase, "outcome": outcome})()
            self.staged.pytest_runtest_logreport(report)
        self.staged.mark_test_complete(worker, index)

    def pass_first(self) -> None:
        """Let the test pass that began first on the first worker that has any."""
        self.finish(*self.running[0], "passed")

    def handle_crashitem(self, nodeid: str, worker: Any) -> None:
        """As xdist's DSession: a test is reported as crashed."""
        self.crashed.append(nodeid)

    def begun(self, worker: Any) -> list[str]:
        """What a worker runs that it does not skip."""
        tests = [self.tests[test] for test in worker.tests]
        return sorted(n for n in tests if all(self.done[before] == "passed" for before in self.step_of[n].after))

    def die(self, worker: Any) -> list[str]:
        """The tests that are reported as crashed, by the scheduler and by xdist for it."""
        self.workers.remove(worker)
        for test in self.begun(worker):
            self.done[self.step_of[test].label] = "failed"
        self.crashed = []
        last = self.staged.remove_node(worker)
        return sorted([*self.crashed, *([last] if last else [])])


def random_stages(dice: random.Random) -> list[Any]:
    """24 stages on some hosts or the whole cluster, each after up to three: of the same host, of all, of one."""
    stages: dict[str, tuple[list[str], list[str]]] = {}
    for number in range(24):
        before = dice.sample(list(stages), min(len(stages), dice.randrange(4)))
        after = [dice.choice([name, name, f"{name}[*]", f"{name}[{dice.choice(HOSTS)}]"]) for name in before]
        targets = ["cluster"] if dice.random() < 0.2 else dice.sample(HOSTS, dice.randint(1, 5))
        stages[f"s{number}"] = (targets, after)
    return items(**stages)


@pytest.mark.parametrize("seed", range(20))
def test_on_random_graphs_nothing_starts_early_and_everything_runs_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    run = Rehearsal(random_stages(dice), dice.randint(1, 6), monkeypatch)
    while not run.staged.tests_finished:
        run.check()
        worker, test = dice.choice(run.running)
        if dice.random() < 0.1:
            begun = run.begun(worker)
            assert run.die(worker) == begun
            run.add()
            run.staged.schedule()
        else:
            run.finish(worker, test, dice.choice(["passed", "passed", "failed"]))
    assert len(run.done) == len(run.tests)


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """Two hosts with two stages each, and two workers."""
    return Rehearsal(items(base=(["a1", "a2"], []), join=(["a1", "a2"], ["base"])), 2, monkeypatch)


def test_a_host_keeps_its_worker_because_its_connection_lives_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = items(base=(["a1", "a2"], []), wait=(["a3"], ["base[*]"]), join=(["a2", "a1"], ["wait[*]"]))
    run = Rehearsal(made, 2, monkeypatch)
    for _ in range(3):
        run.finish(*run.running[-1], "passed")
    assert [[run.tests[test].rpartition("_")[2] for test in tests] for tests in run.given] == [
        ["join[a1]"],
        ["join[a2]"],
    ]


def test_one_worker_serves_every_host(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Rehearsal(items(base=(HOSTS, []), top=(HOSTS, ["base"])), 1, monkeypatch)
    assert run.given == [[0, 1, 2, 3, 4]]


def test_hosts_are_spread_over_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Rehearsal(items(base=(HOSTS, [])), 2, monkeypatch)
    assert sorted(map(len, run.given)) == [2, 3]


def test_what_others_wait_for_goes_first_on_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    made = items(
        base=(["a1"], []),
        settled=(["a1"], ["base"]),
        cluster=(["a1"], ["base"]),
        service=(["a1"], ["cluster"]),
    )
    rehearsal = Rehearsal(made, 1, monkeypatch)
    while rehearsal.running:
        rehearsal.pass_first()
    assert list(rehearsal.done) == ["base[a1]", "cluster[a1]", "settled[a1]", "service[a1]"]


def test_the_whole_cluster_is_no_machine_that_works_on_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = items(nginx=(["cluster"], []), mysql=(["cluster"], []), docker=(["a1"], []), swap=(["a1"], []))
    assert Rehearsal(made, 4, monkeypatch).given == [[0], [1], [2], []]


def test_what_the_master_does_for_a_host_keeps_that_host_free(monkeypatch: pytest.MonkeyPatch) -> None:
    made = items(wait=(["a1"], []), docker=(["a1"], []), swap=(["a1"], []))
    made[0].function = lambda node, on_master: None
    assert Rehearsal(made, 3, monkeypatch).given == [[0], [1], []]


def test_a_drained_run_starts_nothing_and_ends_when_what_runs_has_ended(pair: Rehearsal) -> None:
    pair.staged.draining = True
    pair.pass_first()
    assert (len(pair.running), pair.staged.tests_finished) == (1, False)
    pair.pass_first()
    assert (len(pair.running), pair.staged.tests_finished, len(pair.done)) == (0, True, 2)


def test_after_all_workers_die_their_replacements_go_on(pair: Rehearsal) -> None:
    died = [nodeid for worker in list(pair.workers) for nodeid in pair.die(worker)]
    assert sorted(died) == sorted(test for test in pair.tests if "base" in test)
    pair.add()
    pair.staged.schedule()
    for _ in range(2):
        pair.finish(*pair.running[0], "skipped")
    assert pair.staged.tests_finished


def test_a_worker_that_dies_fails_all_that_it_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Rehearsal(items(base=(HOSTS, [])), 1, monkeypatch)
    assert run.die(run.workers[0]) == sorted(run.tests)
    assert run.staged.tests_finished


def test_a_worker_may_die_before_any_has_collected(pair: Rehearsal) -> None:
    staged, worker = Staged(pair.config, pair.session), cast(Any, Worker())
    staged.add_node(worker)
    assert staged.remove_node(worker) is None
    assert staged.nodes == []


def test_what_a_dead_worker_would_have_skipped_is_given_to_another(pair: Rehearsal) -> None:
    pair.finish(*pair.running[0], "failed")
    first, second = pair.workers
    (skipped,) = first.tests
    assert pair.die(first) == []
    assert skipped in second.tests


def test_a_worker_that_hears_nothing_any_more_is_given_nothing(
    pair: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*args: Any, **kwargs: Any) -> None:
        raise OSError("cannot send (already closed?)")

    worker, test = pair.running[0]
    monkeypatch.setattr(worker, "sendcommand", deaf)
    pair.finish(worker, test, "passed")
    assert worker.tests == []
    pair.die(worker)
    assert len(pair.running) == 2


def test_an_idle_worker_that_ends_takes_no_test_with_it(pair: Rehearsal) -> None:
    pair.staged.draining = True
    pair.pass_first()
    assert pair.die(pair.workers[0]) == []


def test_workers_that_collected_different_tests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Rehearsal(items(base=(["a1"], [])), 1, monkeypatch)
    fresh = Staged(type("C", (), {"stash": {GRAPH: run.staged}})(), type("S", (), {"items": []})())
    for collection in (["x"], ["y"]):
        worker: Any = Worker()
        fresh.add_node(worker)
        fresh.add_node_collection(worker, collection)
    with pytest.raises(pytest.UsageError, match="collected different tests"):
        fresh.schedule()


def test_nothing_is_repeated_or_stolen(pair: Rehearsal) -> None:
    with pytest.raises(NotImplementedError):
        pair.staged.mark_test_pending(pair.tests[0])
    with pytest.raises(NotImplementedError):
        pair.staged.remove_pending_tests_from_node(pair.workers[0], [0])


def test_a_replacement_that_collects_other_tests_drains_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Rehearsal(items(one=(["a1"], []), two=(["a1"], ["one"])), 1, monkeypatch)
    dead: Any = run.workers[0]
    run.staged.remove_node(dead)
    assert not run.staged.tests_finished
    replacement: Any = Worker()
    run.staged.add_node(replacement)
    run.staged.add_node_collection(replacement, run.tests[:1])
    assert run.staged.tests_finished
    assert "collected other tests" in run.staged.why
