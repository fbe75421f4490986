"""The controller's record of a run: every result is written to the ledger as soon as it arrives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO

import pytest

from dlws.engine.graph import GRAPH
from dlws.engine.items import StageItem, TargetItem, worker_of
from dlws.engine.judgement import Course, Judgement, result_of
from dlws.engine.site import Site
from dlws.inventory import Control, Node, Target, Whole
from dlws.record import ledger as ledgers
from dlws.record.ledger import End, HostRow, Outcome, Result, Run, decode, key_of
from dlws.record.ownership import unwritable
from dlws.record.whole_file import opened_to_append
from dlws.remote.hostkeys import HostKeys, keys_of
from dlws.verdict import Verdict

SYNC_EVERY = 0.25  # seconds between fsyncs of check results; a stage's result is synced at once


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run still asks of a result that is in the ledger. `NO_RESULT` for a test that has none yet."""

    verdict: Verdict | None
    outcome: Outcome | None


NO_RESULT = Standing(None, None)


@cache
def standing(verdict: Verdict, outcome: Outcome | None) -> Standing:
    """The one object for all results that are alike."""
    return Standing(verdict, outcome)


class Ledgerkeeper:
    """Appends to `ledger.jsonl` and notifies listeners. Only whole lines are written, so a killed run is readable.

    Of what is written it keeps where each test stands: the results of a thousand hosts would be a fifth of a gigabyte.
    """

    def __init__(self, path: Path, listeners: Sequence[Callable[[Result], None]]) -> None:
        self._path = path
        self._failed: BaseException | None = None
        self._file: IO[str] = os.fdopen(opened_to_append(path), "a", encoding="utf-8", errors="backslashreplace")
        self._listeners = listeners
        self._synced = 0.0
        self._tests: dict[str, Standing] = {}
        self._began = time.monotonic()

    def begin(self, run: Run) -> None:
        """Write the head."""
        self._tests = dict.fromkeys((item.key for item in run.items), NO_RESULT)
        self._write(run, at_once=True)

    def add(self, result: Result) -> None:
        """Write one result. A second result of a test (its worker died after the call) counts only if it is worse."""
        key = result.key
        first = self._tests.get(key, NO_RESULT).verdict
        if first is not None:
            if first.is_red or not result.verdict.is_red:
                return
            result = replace(
                self._written(key),
                verdict=result.verdict,
                outcome=result.outcome,
                what=result.what,
                found=result.found,
                expected=result.expected,
                message=result.message,
                remark=result.remark,
                sample=result.sample,
            )
        self._tests[key] = standing(result.verdict, result.outcome)
        self._write(result, at_once=result.stage)
        for listener in self._listeners:
            listener(result)

    def end(self, exit_status: int, reason: str) -> End:
        """Write the last line: how the run ended and which tests never ran."""
        end = End(exit_status=exit_status, reason=reason, seconds=self.seconds, not_run=self.missing)
        self._write(end, at_once=True)
        self._file.close()
        return end

    def forget(self) -> None:
        """Keep nothing of what has been written; called when nobody asks any more."""
        self._tests = {}

    @property
    def results(self) -> Mapping[str, Standing]:
        """Where each test stands, by key: those that were collected, and what else has a result."""
        return self._tests

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys of the collected tests that have no result yet."""
        return tuple(key for key, said in self._tests.items() if said is NO_RESULT)

    def verdict(self, check: str, host: str) -> Verdict | None:
        """The verdict of a check, by its id, on a host; None if it has none yet."""
        return self._tests.get(key_of(check, host), NO_RESULT).verdict

    def _written(self, key: str) -> Result:
        """A result as it is in the ledger; a worker seldom dies between its result and the end of its test."""
        with self._path.open(encoding="utf-8") as lines:
            return next(result for result in reversed(ledgers.read(lines).results) if result.key == key)

    @property
    def seconds(self) -> float:
        """Seconds since this object was created."""
        return round(time.monotonic() - self._began, 3)

    def _write(self, event: Run | Result | End, *, at_once: bool) -> None:
        """Write a line. Ends the run, with one line on the terminal, where that cannot be: a run leaves a record."""
        if self._failed:
            raise self._failed
        try:
            self._file.writelines(ledgers.pieces(event))
            self._file.write("\n")
            self._file.flush()
            if at_once or time.monotonic() - self._synced > SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            with suppress(OSError):
                self._file.close()
            self._failed = pytest.exit.Exception(unwritable(self._path, error), pytest.ExitCode.INTERNAL_ERROR)
            raise self._failed from None


def head(
    site: Site, items: Sequence[pytest.Item], *, started: str, sha256: str, workers: int, version: str, selection: str
) -> Run:
    """The first line of the ledger: the tests to be run, and the hosts."""
    ours = [item for item in items if isinstance(item, TargetItem)]
    targets = {item.target.name: item.target for item in ours}
    order = [Control().name, *(n.name for n in (*site.cluster.nodes, *site.cluster.leaving)), Whole().name]
    involved = [targets[name] for name in order if name in targets]
    keys = keys_of(site.cluster)  # one for all: each would read the file of all hosts' keys
    return Run(
        run=site.context.run,
        cluster=site.cluster.name,
        command=site.context.command,
        started=started,
        config=str(site.cluster.path),
        config_sha256=sha256,
        suite_version=version,
        plan=site.context.plan,
        strict=site.context.strict,
        shard=site.context.shard,
        selection=selection,
        workers=workers,
        hosts=tuple(_host(site, target, keys) for target in involved),
        items=tuple(item.declared.item for item in ours),
    )


def _host(site: Site, target: Target, keys: HostKeys) -> HostRow:
    row = HostRow(name=target.name, address=str(target.address), kind=target.kind, role=str(target.role))
    if not isinstance(target, Node) or site.context.replays:  # a replay looks at no file of today
        return row
    return replace(row, host_key=keys.described(target))


def reported(report: pytest.TestReport, item: TargetItem | None, results: Mapping[str, Standing]) -> Result | None:
    """The result that a report carries; without one, a result made of its phase and outcome; None for a mere pass.

    `results` are those of the run so far, by key; they explain why a stage was skipped.
    """
    carried = getattr(report, "dlws", None)
    if carried is not None:
        result = decode(carried) if isinstance(carried, str) else carried
        return result if isinstance(result, Result) else None
    if report.passed or item is None:
        return None
    course = Course(worker=worker_of(item.config), seconds=round(report.duration, 4))
    words = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if report.skipped:
        needs = first_missing(item, results) if isinstance(item, StageItem) else ""
        message = f"not run: needs {needs}" if needs else words
        skipped = Judgement(verdict=Verdict.NOT_RUN, outcome=item.blocked, message=message, follows=needs)
        return result_of(item.declared, skipped, course)
    broke = f"the suite itself broke here: {words}"
    return result_of(item.declared, Judgement(verdict=Verdict.UNKNOWN, outcome=item.failed, message=broke), course)


def first_missing(item: StageItem, results: Mapping[str, Standing]) -> str:
    """The key of the first stage of this run before this one that has not succeeded; "" if all have."""
    before = item.config.stash[GRAPH].present(item.step)
    return next((key for key in before if not _holds(results.get(key, NO_RESULT))), "")


def _holds(said: Standing) -> bool:
    return said.verdict in (Verdict.PASS, Verdict.WAIVED) or said.outcome is Outcome.PLANNED
