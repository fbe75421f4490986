"""A worker's side of a run: it serves many hosts, because a stage that waits costs a thread and not a process.

pytest's protocol runs in the main thread, one test at a time: its state of setup and teardown, its hooks and its
reports are made for that. What takes long, the judging of a stage, is begun in a thread of its own when the stage
arrives; when it has ended, the main thread lets pytest run the test, which takes the result. A stage that
pytest-dependency skips is never begun. A check is judged in the main thread: an audit hides its waits by asking ahead.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any

import pytest
from pytest_dependency import DependencyItemStatus, DependencyManager
from pytest_dependency import pytest_runtest_setup as check_dependencies

from dlws.engine.items import StageItem
from dlws.record.ledger import Result

Phases = dict[str, str]
Event = tuple[str, Mapping[str, Any]]
"""What the loop waits for: a command of the controller, or `judged` with the index of a test."""


class Loop:
    """The worker's loop, in place of xdist's own, which keeps one test in hand until the next arrives."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what the controller sends, until it says that no more comes."""
        # It is registered without a name, and its class is not the one that `import xdist.remote` gives: execnet has
        # run that module's source here under another name.
        plugins = session.config.pluginmanager.get_plugins()
        worker: Any = next(p for p in plugins if type(p).__name__ == "WorkerInteractor")
        running = Running(session, worker)
        worker.channel.setcallback(running.events.put, endmarker=("shutdown", {}))
        try:
            running.until_the_end()
        finally:  # also when the controller is gone: until then its share of the lock is held
            running.join()
        return True


class Running:
    """The tests of a worker that have begun."""

    def __init__(self, session: pytest.Session, worker: Any) -> None:
        """`worker` is xdist's WorkerInteractor."""
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._session, self._worker = session, worker
        self._threads: dict[int, Thread] = {}

    def until_the_end(self) -> None:
        """Handle events until no test comes any more and all that have begun are reported."""
        more = True
        while more or self._threads:
            event, given = self.events.get()
            if event == "judged":
                self._threads.pop(given["index"]).join()
                self._report(given["index"])
            elif event == "shutdown":
                more = False
            elif more:
                self._begin(given)
            more = more and not (self._session.shouldfail or self._session.shouldstop)

    def join(self) -> None:
        """Wait until nothing runs any more."""
        for thread in self._threads.values():
            thread.join()

    def _begin(self, command: Mapping[str, Any]) -> None:
        """Begin the tests of a command `runtests`, which also says what has come of those before them elsewhere."""
        for name, phases in command.get("outcomes", ()):
            record_outcome(self._session, name, phases)
        for index in command["indices"]:
            item = self._session.items[index]
            if isinstance(item, StageItem) and _may_run(item):
                judging: Future[Result] = Future()
                item.judging = judging
                thread = Thread(target=self._judge, args=(index, item, judging), name=item.key)
                self._threads[index] = thread
                thread.start()
            else:
                self._report(index)

    def _judge(self, index: int, item: StageItem, judging: Future[Result]) -> None:
        try:
            judging.set_result(item.judge())
        except BaseException as error:  # a fault of the suite: the item raises it again in the main thread
            judging.set_exception(error)
        self.events.put(("judged", {"index": index}))

    def _report(self, index: int) -> None:
        """Let pytest run a test: one that was judged in a thread takes its result, any other is judged now."""
        self._worker.item_index = index  # xdist puts it into every report that it sends to the controller
        start = time.perf_counter()
        item = self._session.items[index]
        # nextitem only decides what to tear down: keep session fixtures, end the rest
        item.ihook.pytest_runtest_protocol(item=item, nextitem=self._session)
        duration = time.perf_counter() - start
        self._worker.sendevent("runtest_protocol_complete", item_index=index, duration=duration)


def share(hosts: Sequence[str], workerinput: Mapping[str, Any]) -> Sequence[str]:
    """The hosts of an audit that one of its workers asks ahead: none where it replaces one that has died, or where
    the user has given it a name (`--tx popen//id=NAME`)."""
    number, count = workerinput["workerid"].removeprefix("gw"), workerinput["workercount"]
    return hosts[int(number) :: count] if number.isdecimal() and int(number) < count else ()


def _may_run(item: pytest.Item) -> bool:
    """Whether pytest-dependency will let a stage run: all that it depends on have succeeded."""
    try:
        check_dependencies(item)
    except pytest.skip.Exception:
        return False
    return True


def record_outcome(session: pytest.Session, name: str, phases: Phases) -> None:
    """Record in this process's pytest-dependency the outcome of a stage that ran in another worker."""
    manager = DependencyManager.getManager(session, "session")
    status = manager.results.setdefault(name, DependencyItemStatus())
    status.results.update({k: v for k, v in phases.items() if k in status.results})
