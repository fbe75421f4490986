"""How a run ends in the controller: the ledger is closed and the reports are written."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlws.engine import memory, options, waivers
from dlws.engine.collection import FINISHED
from dlws.engine.items import ALL_CHECKS, CAUSES, SITE, TargetItem
from dlws.engine.progress import Board, beside_capture
from dlws.engine.recorder import NO_RESULT, Ledgerkeeper, Standing, head, reported
from dlws.engine.replay import Audited, begin, missing
from dlws.engine.site import JUDGED, Site
from dlws.record.ledger import LATER
from dlws.record.terminal import SafeConsole
from dlws.verdict import Verdict


class Conclusion:
    """Records every report of a run, and ends the run."""

    def __init__(self, config: pytest.Config, site: Site, session: pytest.Session, sha256: str, version: str) -> None:
        self.console = SafeConsole(sys.stdout)
        self.board = Board(site.context.folder / "progress.sock", SafeConsole(beside_capture()))
        self.ledger = Ledgerkeeper(site.context.folder / "ledger.jsonl", [self.board.finished])
        self.config, self.context, self.waivers = config, site.context, site.waivers
        self.items = {item.nodeid: item for item in session.items if isinstance(item, TargetItem)}
        workers = int(config.option.numprocesses or 0)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.run = head(
            site,
            session.items,
            started=started,
            sha256=sha256,
            workers=workers,
            version=version,
            selection=options.selection(config),
        )

    def replays(self, run: Audited) -> None:
        """Note in the ledger's head that this run judges the evidence of another one again."""
        judged = tuple(item.key for item in self.run.items)
        chosen = self.config.option.limit or not options.collects_every_check(self.config)
        items = (*self.run.items, *(() if chosen else missing(run, set(judged))))
        selection = " ".join(filter(None, (run.ledger.run.selection, self.run.selection)))
        self.run = replace(self.run, replays=run.run, audited=run.started, items=items, selection=selection)
        begin(run, self.context.folder, list(judged))

    def begin(self) -> None:
        """Write the ledger's head and start the display; called before the first test."""
        self.ledger.begin(self.run)
        self.board.start_counting(self.run.items)
        self.run = replace(self.run, items=())
        self.board.start()

    def take(self, report: pytest.TestReport) -> None:
        """Record one report."""
        result = reported(report, self.items.get(report.nodeid), self.ledger.results)
        vars(report).pop("dlws", None)  # pytest's terminal keeps every report until the end
        if result is not None:
            self.ledger.add(result)

    def let_go(self, item: pytest.Item) -> None:
        """Forget a test that has run, unless it has left no result: then it counts as not run."""
        if isinstance(item, TargetItem) and self.ledger.results.get(item.key, NO_RESULT) is not NO_RESULT:
            self.items.pop(item.nodeid, None)

    def word_for(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """pytest's category of a report: the outcome of a stage, the verdict of a check."""
        item = self.items.get(report.nodeid)
        result = self.ledger.results.get(item.key, NO_RESULT) if item else NO_RESULT
        if result.verdict is None or not (report.when == "call" or report.failed or report.skipped):
            return ("", "", "") if report.when != "call" else None
        said = result.verdict.is_red or result.verdict is Verdict.WAIVED or result.outcome is None
        word = result.verdict if said else result.outcome or ""
        return (word.lower(), "", "")

    def end(self, session: pytest.Session) -> None:
        """Judge the waivers, settle the exit status, close the ledger, write the reports; after the last test."""
        self.board.stop()
        if self.run.command == "verify":
            for finding in waivers.findings(self.waivers, self.ledger.verdict, self.config.stash[ALL_CHECKS]):
                self.ledger.add(finding)
        results = list(self.ledger.results.values())
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.config.stash[FINISHED]:
            session.exitstatus = pytest.ExitCode.OK
        if session.exitstatus == pytest.ExitCode.OK and any(self.is_bad(r) for r in results):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reason = str(session.shouldstop or session.shouldfail or "")
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            reason = options.nothing_left(self.config)
        if self.is_incomplete(session, results):
            session.exitstatus, reason = pytest.ExitCode.INTERRUPTED, reason or "ended before all had run"
        shutil.rmtree(self.context.folder / JUDGED, ignore_errors=True)
        self.ledger.end(int(session.exitstatus), reason)
        del results
        self._let_go(session)
        self.config.hook.pytest_dlws_run_ended(config=self.config, folder=self.context.folder)

    def _let_go(self, session: pytest.Session) -> None:
        """Forget the tests, their results and the hosts' answers, so that the reports take their place in memory.

        All of it is on the disk by now, where the reports read it: at 1,000 hosts it would be there twice.
        """
        self.items = {}
        self.ledger.forget()
        session.items.clear()
        if CAUSES in session.stash:
            del session.stash[CAUSES]
        del self.config.stash[SITE]
        gc.unfreeze()
        gc.collect()  # a test and its keywords refer to each other
        memory.give_back()

    def is_incomplete(self, session: pytest.Session, results: Sequence[Standing]) -> bool:
        """Whether an exit status of 0 or 1 would hide that tests were not judged.

        Without a finding that holds for every test of the ledger; a finding explains those that it leaves not run, and
        those of a replayed run that this suite no longer has.
        """
        missing = set(self.ledger.missing)
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            return not missing.isdisjoint(item.key for item in self.items.values())
        skipped = (result.verdict is Verdict.NOT_RUN and result.outcome not in LATER for result in results)
        return session.exitstatus == pytest.ExitCode.OK and (bool(missing) or any(skipped))

    def is_bad(self, result: Standing) -> bool:
        """Whether a result makes the run fail."""
        verdict = result.verdict
        return verdict is not None and (verdict.is_red or (self.run.strict and verdict is Verdict.WARN))

    def show(self) -> None:
        """Print the summary."""
        folder = self.context.folder
        self.config.hook.pytest_dlws_summary(config=self.config, folder=folder, console=self.console)
