"""Run a stage as soon as every stage before it has finished and its host is free.

Of several that could run on a host, the one with the longest chain of dependent stages goes first.

pytest-xdist's own schedulers send tests in batches and know no dependencies, and its worker holds one test back until
the next arrives (xdist #12). This scheduler sends a test to a worker when the test may start, and the worker's loop
(`dlws.engine.worker`) begins it at once, beside those of other hosts. A stage whose dependency failed is sent like any
other and skips itself in pytest-dependency; the command that starts a test also carries the outcomes from other workers
that this worker has not received yet.

Uses names outside xdist's public API, asserted by tests/unit/engine/test_scheduler_names.py: WorkerInteractor with
`channel`, `item_index`, `sendevent`; the event `runtest_protocol_complete`; the command `runtests`; DSession's
`handle_crashitem`.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import Any

import pytest
from pytest_dependency import DependencyItemStatus
from xdist.workermanage import WorkerController, parse_tx_spec_config

from dlws.engine.graph import GRAPH, step_of
from dlws.engine.items import TargetItem, hosts_of, is_worker
from dlws.engine.progress import leave_terminal
from dlws.engine.ready import Place, Ready
from dlws.engine.worker import Loop, Phases, share

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_STAGES = 256
"""Stages that one worker runs at a time, each in a thread: more than a worker's share of the hosts."""


class Outcomes:
    """The outcomes by node id, as pytest-dependency would record them if every test ran in this process."""

    def __init__(self) -> None:
        self.phases: dict[str, Phases] = defaultdict(dict)

    def add(self, report: pytest.TestReport) -> None:
        """Add one report. A crashed worker's report has the phase "???" and counts as a failed call."""
        phase = report.when if report.when in DependencyItemStatus.Phases else "call"
        self.phases[report.nodeid][str(phase)] = report.outcome

    def has_succeeded(self, nodeid: str) -> bool:
        """Whether pytest-dependency lets run what depends on this test."""
        return [self.phases[nodeid].get(phase) for phase in DependencyItemStatus.Phases] == ["passed"] * 3


class Staged:
    """The xdist scheduler. Queues nothing on a worker: each gets a test when that test may start.

    A worker runs the stages of many hosts side by side, and of checks one at a time.
    """

    def __init__(self, config: pytest.Config, session: pytest.Session) -> None:
        graph = config.stash[GRAPH]
        steps = {item.nodeid: step for item in session.items if (step := step_of(item))}
        nodeid = {step.label: n for n, step in steps.items()}
        self._config, self._expected = config, len(parse_tx_spec_config(config))
        self._room = MOST_STAGES if steps else 1
        self._label = {n: step.label for n, step in steps.items()}
        self._hosts = hosts_of(session.items)
        self._host = {i.nodeid: i.machine for i in session.items if isinstance(i, TargetItem)}
        self._after = {n: {nodeid[a] for a in graph.present(step)} for n, step in steps.items()}
        self._chain: dict[str, int] = defaultdict(int)
        """By node id, the length of the longest chain of stages that require this one."""
        for n in reversed(list(steps)):  # session.items are in an order that respects the graph
            for earlier in (nodeid[a] for a in steps[n].demands if a in nodeid):
                self._chain[earlier] = max(self._chain[earlier], self._chain[n] + 1)
        self._collected: dict[WorkerController, list[str]] = {}
        self._running: dict[WorkerController, set[int]] = {}
        self._sent: dict[WorkerController, int] = {}
        """How many entries of the log each worker has received."""
        self._deaf: set[WorkerController] = set()
        """Workers that have died, as xdist is about to say."""
        self._waiting: dict[int, set[int]] = {}
        self._next: dict[int, list[int]] = defaultdict(list)
        """By test, those that wait for it."""
        self._ready: Ready[WorkerController] = Ready(lambda index: -self._chain[self._collection()[index]])
        self._log: list[tuple[str, Phases]] = []
        self._outcomes = Outcomes()
        self.tests: list[str] | None = None
        self.done: set[int] = set()
        self.draining = False
        self.why = ""
        """Why nothing new is started; "" while all is well."""

    @property
    def nodes(self) -> list[WorkerController]:
        """The live workers."""
        return list(self._running)

    @property
    def collection_is_completed(self) -> bool:
        """True when every worker has reported its collection."""
        return len(self._collected) >= self._expected

    @property
    def has_pending(self) -> bool:
        """True while there is a test to run or running."""
        return self.tests is not None and not self.tests_finished

    @property
    def tests_finished(self) -> bool:
        """True when every test is done; while draining, when every running test is done."""
        if self.tests is None:
            return False
        return len(self.done) == len(self.tests) or (self.draining and not any(self._running.values()))

    def add_node(self, node: WorkerController) -> None:
        """A worker has started."""
        self._running[node], self._sent[node] = set(), 0

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected. If a replacement collected something else, the run is drained.

        It could be given nothing; a run in which no other worker is left would wait for ever.
        """
        if self.tests is None or list(collection) == self.tests:
            self._collected[node] = list(collection)
        else:
            self.draining = True
            self.why = self.why or "a replaced worker collected other tests: the configuration changed meanwhile?"

    def schedule(self) -> None:
        """Called when all have collected, and again for each replacement worker."""
        if self.tests is None:
            first, *rest = self._collected.values()
            if any(other != first for other in rest):
                raise pytest.UsageError("the workers collected different tests: the configuration changed meanwhile?")
            self.tests, at = first, {n: i for i, n in enumerate(first)}
            before = {i: {at[a] for a in self._after.get(n, ()) if a in at} for n, i in at.items()}
            self._waiting = {index: earlier for index, earlier in before.items() if earlier}
            for index, earlier in self._waiting.items():
                for each in earlier:
                    self._next[each].append(index)
            self._share_hosts()
            self._release([index for index, earlier in before.items() if not earlier])
        self._dispatch()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """A worker has finished its test, whatever the outcome."""
        self._running[node].discard(item_index)
        self._ready.free(self._place_of(item_index))
        self._finish(item_index)
        self._dispatch()

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone. Returns the node id of a test that it was running, which xdist reports as crashed, or None.

        xdist expects one at most; it is told of the others here. A stage that the worker would have skipped, because
        one before it has failed, is given to another worker.
        """
        running = sorted(self._running.pop(node))
        self._collected.pop(node, None)
        self._deaf.discard(node)
        self._ready.forget(node)
        if self.tests is None:
            return None
        for index in running:
            self._ready.free(self._place_of(index))
        lost = [(index, self._collection()[index]) for index in running if self._had_begun(index)]
        self._release([index for index in running if not self._had_begun(index)])
        for index, nodeid in lost:
            self._outcomes.phases[nodeid]["call"] = "failed"
            self._finish(index)
        self._dispatch()
        for _, nodeid in lost[1:]:
            self._config.pluginmanager.getplugin("dsession").handle_crashitem(nodeid, node)
        return lost[0][1] if lost else None

    def _had_begun(self, index: int) -> bool:
        return all(self._outcomes.has_succeeded(before) for before in self._after.get(self._collection()[index], ()))

    def mark_test_pending(self, item: str) -> None:
        """Not supported: a stage is never repeated behind the operator's back."""
        raise NotImplementedError("a stage is not repeated behind the operator's back")

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Not supported: nothing is queued, so nothing can be stolen."""
        raise NotImplementedError("nothing is queued on a worker")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Outcomes arrive as reports, just before `mark_test_complete`."""
        self._outcomes.add(report)

    def drain(self, signum: int) -> None:
        """After a signal: start nothing new and let running stages finish."""
        self.draining = True
        self.why = words_of(signum)

    def _collection(self) -> list[str]:
        if self.tests is None:
            raise LookupError("no worker has collected its tests yet")
        return self.tests

    def _finish(self, index: int) -> None:
        self.done.add(index)
        nodeid = self._collection()[index]
        if name := self._label.get(nodeid):
            self._log.append((name, dict(self._outcomes.phases[nodeid])))
        for later in self._next.pop(index, ()):
            self._waiting[later].discard(index)
            if not self._waiting[later]:
                del self._waiting[later]
                self._release([later])

    def _share_hosts(self) -> None:
        """In an audit each host is of one worker, which asks it ahead. What a stage needs is asked when it begins."""
        for node in () if self._label else self._collected:
            for host in share(self._hosts, node.workerinput):
                self._ready.settle(host, node)

    def _release(self, free: Sequence[int]) -> None:
        for index in free:
            self._ready.add(index, self._place_of(index))

    def _dispatch(self) -> None:
        if self.draining or self.tests is None:
            return
        nodes = [node for node in self._running if node in self._collected and not node.shutting_down]
        for node in nodes:  # that worker has the connection
            while self._free([node]) and (taken := self._ready.take_from(node)):
                self._start(*taken, node)
        while (node := self._free(nodes)) and (taken := self._ready.take_from(None)):
            self._start(*taken, node)
        while self._label and (node := self._free(nodes)) and (taken := self._ready.take()):
            self._start(*taken, node)

    def _free(self, nodes: Sequence[WorkerController]) -> WorkerController | None:
        """The worker with the least to do that can take more."""
        able = [node for node in nodes if len(self._running[node]) < self._room and node not in self._deaf]
        return min(able, key=lambda node: len(self._running[node]), default=None)

    def _start(self, index: int, place: Place, node: WorkerController) -> None:
        news = [list(entry) for entry in self._log[self._sent[node] :]]
        try:
            node.sendcommand("runtests", indices=[index], outcomes=news)
        except OSError:  # the test is for another one
            self._deaf.add(node)
            self._ready.add(index, place)
            self._ready.free(place)
            return
        self._sent[node] = len(self._log)
        self._running[node].add(index)
        if place != index:
            self._ready.settle(place, node)

    def _place_of(self, index: int) -> Place:
        host = self._host.get(self._collection()[index])
        return index if host is None else host


class Controller:
    """The controller's side: collects too, passes the graph to the scheduler, stops in good order on a signal."""

    def __init__(self) -> None:
        self.staged: Staged | None = None
        self._session: pytest.Session | None = None
        self._signal: int | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Remember the session for the hooks below. From here on the first signal drains, a Ctrl-C after it aborts."""
        self._session = session
        on_signals(self._interrupt)
        try:
            return (yield)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        """Drain; a signal that comes before there is a scheduler is kept for it.

        pytest would not call `pytest_sessionfinish` after a KeyboardInterrupt while workers start.
        """
        self._signal = signum
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.staged is not None:
            self.staged.drain(signum)

    def _begun(self) -> pytest.Session:
        if self._session is None:
            raise LookupError("the session has not begun")
        return self._session

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Collect in the controller, before any worker starts, because the scheduler needs the graph.

        xdist itself would not. A wrong --stages is thus reported without starting a worker.

        Then block the signals until the workers are there, who inherit that: one that a Ctrl-C ends before it has its
        own handler would break the run.
        """
        self._begun().perform_collect()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Staged:
        """Take precedence over xdist's own schedulers."""
        self.staged = Staged(config, self._begun())
        if self._signal is not None:
            self.staged.drain(self._signal)
        config.pluginmanager.register(self.staged, "staged-scheduler")
        return self.staged

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The reason why a drained run ended early."""
        if self.staged and self.staged.why:
            session.shouldstop = session.shouldstop or self.staged.why


class Serial:
    """A run of one process, in which the first signal drains too."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Make a signal stop the run after the current test."""

        def stop(signum: int, frame: FrameType | None) -> None:
            session.shouldstop = words_of(signum)
            signal.signal(signal.SIGINT, signal.default_int_handler)

        on_signals(stop)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start no test after a signal; pytest would start the first one."""
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)


def words_of(signum: int) -> str:
    """Why a run ended that a signal interrupted."""
    return f"interrupted by {signal.Signals(signum).name}"


def on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Make a function the handler of SIGINT, SIGTERM and SIGHUP; a SIGHUP that is ignored (nohup) stays so.

    After a SIGHUP the terminal is gone, and what is written to it is dropped.
    """

    def handle(signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGHUP:
            leave_terminal()
        handler(signum, frame)

    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def ignore_in_worker(signum: int, frame: FrameType | None) -> None:
    """A worker's handler for a signal to the whole process group: the controller decides.

    Not SIG_IGN, which the processes that a worker starts would inherit.
    """


def install(config: pytest.Config) -> None:
    """Register what this process needs: the worker's loop, the controller's scheduler, or the serial run's handler."""
    if is_worker(config):
        on_signals(ignore_in_worker)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        config.pluginmanager.register(Loop())
    elif config.getoption("dist", "no") != "no":
        config.pluginmanager.register(Controller(), "dlws-controller")
    else:
        config.pluginmanager.register(Serial())
