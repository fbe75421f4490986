"""The suite as a pytest plugin: the hooks, in the order in which pytest calls them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cache
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from dlws.engine import collection, graph, hooks, memory, options, replay, run, scheduler
from dlws.engine.check import check_of
from dlws.engine.items import ALL_CHECKS, SITE, CheckItem, TargetItem, causes_of, hosts_of, is_worker, site_of
from dlws.engine.run import CLUSTER, CONTEXT
from dlws.engine.site import Site
from dlws.engine.stage import stage_of
from dlws.engine.worker import share
from dlws.record.ledger import encode
from dlws.record.ownership import denied
from dlws.record.printable import visible

if TYPE_CHECKING:  # rich, which no worker needs: at run time where it is made
    from dlws.engine.conclusion import Conclusion

COUNTED: Final = object()
"""What pytest's terminal counts for a check that the ledger has."""
NO_KEYWORDS: Final[Mapping[str, Literal[1]]] = {}
"""Nobody asks for the keywords of a report: a dictionary for each would be a kilobyte."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """The hooks that tell the reports that a run has ended."""
    pluginmanager.add_hookspecs(hooks)
    pluginmanager.register(Refusals())


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | None:
    """Before xdist decides on workers: settle the command, the cluster and the number of workers."""
    if is_worker(config) or config.option.help or not options.is_cluster_run(config):
        return None
    options.check_marks(config)
    command = options.command_of(config.option.markexpr)
    options.settle_paths(config, command)
    options.check_judges(config)
    options.check_replay(config, command)
    options.check_whole(config, command)
    options.check_shard(config, command)
    options.check_named(config, command)
    if config.option.replay is not None:
        run.start_replay(config, command)
    else:
        run.start(config, command or "verify")
    if command == "scale_up" and not run.limit_to_new_hosts(config):
        return pytest.ExitCode.OK
    quieten(config)
    if command in options.STAGE_COMMANDS and config.option.numprocesses is None and not config.option.collectonly:
        config.option.numprocesses = options.workers_for(len(config.stash[CLUSTER].nodes))
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and for a run on a cluster the machinery."""
    for name, meaning in options.MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if "dlws" in getattr(config, "workerinput", {}):
        run.join(config, config.workerinput["dlws"])  # type: ignore[attr-defined]
        config.args = config.workerinput["collected"]  # type: ignore[attr-defined]
    if CONTEXT not in config.stash:
        return
    print_freely(config)
    memory.share()
    opened: Callable[[], Site] = cache(lambda: run.open_site(config))
    config.stash[SITE] = opened
    config.pluginmanager.register(Run(config), "dlws-run")
    scheduler.install(config)


def pytest_pycollect_makeitem(collector: pytest.Collector, obj: Any) -> list[pytest.Item] | None:
    """In a run without a cluster, a check or stage must not be collected as an ordinary test that passes."""
    ours = CONTEXT not in collector.config.stash and (stage_of(obj) or check_of(obj))
    return [] if ours else None


def quieten(config: pytest.Config) -> None:
    """Turn off pytest's progress dots: the board shows the progress."""
    config.option.verbose = min(config.option.verbose, -1)
    config.option.reportchars = ""


def print_freely(config: pytest.Config) -> None:
    """Turn off pytest's capture of output, logs and warnings, which costs thousands of tests time that print nothing.

    And hypothesis's plugin, which takes a second to load at the end of a run and has nothing to report.
    """
    manager = config.pluginmanager
    manager.set_blocked("logging-plugin")
    manager.set_blocked("hypothesispytest")
    if warnings := manager.getplugin("warnings"):
        manager.unregister(warnings)
    capture = manager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
        manager.unregister(capture)


class Refusals:
    """The errors with which pytest refuses a command: nothing that they quote steers the terminal."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self) -> Generator[None, int | None, int | None]:
        """Around everything that a command does."""
        try:
            return (yield)
        except pytest.UsageError as error:
            raise pytest.UsageError(*(visible(str(words)) for words in error.args)) from error
        except PermissionError as error:  # the state folder, or that of the runs, is another user's
            raise pytest.UsageError(visible(denied(error))) from error


class Run:
    """The hooks of a run on a cluster; in the controller, in each worker, and in a run of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.context = config.stash[CONTEXT]
        self.conclusion: Conclusion | None = None

    def pytest_configure_node(self, node: Any) -> None:
        """Send the run's settings to a new worker, and what is collected: xdist hands on the command line as typed."""
        node.workerinput["dlws"] = self.context.packed()
        node.workerinput["collected"] = self.config.args

    def pytest_pycollect_makeitem(self, collector: pytest.Module, name: str, obj: Any) -> list[TargetItem] | None:
        """Checks and stages become one item per target; helpers in the same files are not collected."""
        if not isinstance(collector, pytest.Module) or not (callable(obj) or isinstance(obj, dict)):
            return None
        return collection.items_from(self.config, collector, name, obj)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        """Build the graph from all stages before any is deselected; sort the items last."""
        steps = collection.build_graph(self.config, items)
        collection.select(self.config, items)
        yield
        collection.leave_out_finished(self.config, items)
        collection.arrange(self.config, items, steps)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The selection is final: open the ledger; in an audit of one process, start connecting to the hosts."""
        if self.config.option.collectonly or graph.GRAPH not in self.config.stash:
            return  # nothing will run, or the selection was refused
        gc.freeze()  # the tests live as long as the run: no collection of garbage need look through them
        site = site_of(self.config)
        if not is_worker(self.config):
            run.ask_for_master(site)
            from dlws.engine.conclusion import Conclusion

            with run.writing(self.context.folder):
                sha256 = run.open_folder(self.config, site, whole=self.config.stash[ALL_CHECKS] is not None)
                conclusion = Conclusion(self.config, site, session, sha256, run.suite_version())
                if self.context.replays:
                    conclusion.replays(replay.audited(self.context.replays))
                conclusion.begin()
            self.conclusion = conclusion
        if not self.config.stash[graph.GRAPH].selected and self.config.getoption("dist", "no") == "no":
            hosts = hosts_of(session.items)
            site.fleet.expect(share(hosts, self.config.workerinput) if is_worker(self.config) else hosts)  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """A check has nothing to set up or tear down: one phase and one report, where pytest has three of each.

        At 1,000 hosts these are 150,000 checks, whose reports pytest's terminal keeps. Of the hooks of pytest's plugins
        only the one that takes the report is called: the others know what to do with marks, fixtures and captured
        output, none of which a check has. A stage has all three phases, by which pytest-dependency knows it, and so has
        whatever pytest itself would skip or expect to fail.
        """
        if not isinstance(item, CheckItem) or any(mark.name not in options.MARKERS for mark in item.iter_markers()):
            return None
        raised = (pytest.exit.Exception, KeyboardInterrupt)
        call = pytest.CallInfo.from_call(item.runtest, "call", raised)
        report = self._with_result(item, pytest.TestReport.from_item_and_call(item, call))
        if call.excinfo:
            clear_frames(call.excinfo.tb)  # which hold each other, and with this one the test
        del call
        self.config.hook.pytest_runtest_logreport(report=report)
        self._count(report)
        return True

    def _count(self, report: pytest.TestReport) -> None:
        """Leave one report for all in pytest's terminal, which keeps each until the end to count it by its word."""
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        word = self.conclusion.word_for(report) if self.conclusion else None
        if terminal and word and (kept := terminal.stats.get(word[0])) and kept[-1] is report:
            kept[-1] = COUNTED

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """In a run of one process let go of each test that has run: those of 1,000 hosts are 200 megabytes."""
        option = session.config.option
        if is_worker(self.config) or self.config.getoption("dist", "no") != "no" or self.conclusion is None:
            return None
        if session.testsfailed or option.collectonly:
            return None  # pytest says why nothing is run
        causes_of(session, self.config.stash[CLUSTER])
        left = session.items[::-1]
        session.items.clear()
        while left:
            item = left.pop()
            self.config.hook.pytest_runtest_protocol(item=item, nextitem=left[-1] if left else None)
            self.conclusion.let_go(item)
            del item
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the result to the report of the phase that decided it."""
        return self._with_result(item, (yield))

    def _with_result(self, item: pytest.Item, report: pytest.TestReport) -> pytest.TestReport:
        report.keywords = NO_KEYWORDS
        if isinstance(item, TargetItem) and report.when == "call" and item.result is not None:
            report.dlws = encode(item.result) if is_worker(self.config) else item.result  # type: ignore[attr-defined]
            item.result = None  # the ledger has it from now on
        elif report.failed:
            report.longrepr = site_of(self.config).fleet.transcript.redactor.text(str(report.longrepr))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In the controller: record the result."""
        if self.conclusion:
            self.conclusion.take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """The verdict or outcome under which pytest's closing line counts a report, without a progress letter."""
        return self.conclusion.word_for(report) if self.conclusion else None

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the connections; in the controller the ledger too, and write the reports."""
        if SITE in self.config.stash and not self.config.option.collectonly:
            site_of(self.config).fleet.close()
        if self.conclusion:
            self.conclusion.end(session)
        gc.freeze()  # pytest looks for garbage five times at its end: in all that is left of a thousand hosts

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the reports' summary last."""
        if self.conclusion:
            self.conclusion.show()
