"""The controller's memory of a run: every result goes to the ledger the moment it arrives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from dlws.engine.items import StageItem, TargetItem
from dlws.engine.site import Site
from dlws.engine.waivers import Waiver, covers
from dlws.inventory import Control, Whole
from dlws.record.ledger import End, HostRow, ItemRow, Outcome, Result, Run, decode, encode
from dlws.verdict import Severity, Verdict

SYNC_EVERY = 0.25  # seconds between fsyncs of check results; a stage's result is synced at once


class Ledgerkeeper:
    """Appends to `ledger.jsonl` and tells listeners. Reads of the file see whole lines, whenever the run is killed."""

    def __init__(self, path: Path, listeners: Sequence[Callable[[Result], None]]) -> None:
        self._file: IO[str] = path.open("a", encoding="utf-8", errors="backslashreplace")
        self._listeners = listeners
        self._synced = 0.0
        self.results: dict[str, Result] = {}
        self.items: tuple[ItemRow, ...] = ()
        self._began = time.monotonic()

    def begin(self, run: Run) -> None:
        """Write the head."""
        self.items = run.items
        self._write(run, at_once=True)

    def add(self, result: Result) -> None:
        """Write one result. A test's second report (its worker died after the call) counts only if it is worse."""
        first = self.results.get(result.key)
        if first is not None:
            if first.verdict.is_red or not result.verdict.is_red:
                return
            told = {"verdict": result.verdict, "outcome": result.outcome, "message": result.message}
            result = replace(first, **told)  # type: ignore[arg-type]
        self.results[result.key] = result
        self._write(result, at_once=result.stage)
        for listener in self._listeners:
            listener(result)

    def end(self, exit_status: int, reason: str) -> End:
        """Write the foot: how it ended and what never ran."""
        not_run = tuple(item.key for item in self.items if item.key not in self.results)
        end = End(exit_status=exit_status, reason=reason, seconds=self.seconds, not_run=not_run)
        self._write(end, at_once=True)
        self._file.close()
        return end

    @property
    def seconds(self) -> float:
        """Since the recorder was made."""
        return round(time.monotonic() - self._began, 3)

    def _write(self, event: Run | Result | End, *, at_once: bool) -> None:
        self._file.write(encode(event) + "\n")
        self._file.flush()
        if at_once or time.monotonic() - self._synced > SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()


def head(site: Site, items: Sequence[pytest.Item], *, started: str, sha256: str, workers: int, version: str) -> Run:
    """The first line of the ledger: what was to be run, where."""
    ours = [item for item in items if isinstance(item, TargetItem)]
    targets = {item.target.name: item.target for item in ours}
    order = [Control().name, *(n.name for n in (*site.cluster.nodes, *site.cluster.leaving)), Whole().name]
    known = [targets[name] for name in order if name in targets]
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
        workers=workers,
        hosts=tuple(HostRow(name=t.name, address=str(t.address), kind=t.kind, role=str(t.role)) for t in known),
        items=tuple(
            ItemRow(
                nodeid=i.nodeid,
                name=i.plain_name,
                host=i.target.name,
                **i.identity(),
                after=i.step.after if isinstance(i, StageItem) else (),
            )
            for i in ours
        ),
    )


def result_of(report: pytest.TestReport, item: TargetItem | None) -> Result | None:
    """The result that a report carries; for one that carries none, what its phase and outcome say; else None."""
    carried = getattr(report, "dlws", None)
    if carried is not None:
        result = decode(carried) if isinstance(carried, str) else carried
        return result if isinstance(result, Result) else None
    if report.passed or item is None:
        return None
    words = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    stage = isinstance(item, StageItem)
    if report.skipped:
        needs = words.removeprefix("Skipped: ").partition(" depends on ")[2]
        told = {
            "verdict": Verdict.NOT_RUN,
            "outcome": Outcome.BLOCKED if stage else None,
            "message": f"not run: needs {needs}" if needs else words,
            "follows": needs if _has_stage(needs, item.session.items) else "",
        }
    else:
        told = {
            "verdict": Verdict.UNKNOWN,
            "outcome": Outcome.FAILED if stage else None,
            "message": f"the suite itself broke here: {words}",
        }
    return item.as_result(started="", seconds=round(report.duration, 4), **told)


def _has_stage(label: str, items: Sequence[pytest.Item]) -> bool:
    return any(isinstance(item, StageItem) and item.key == label for item in items)


def waiver_findings(site: Site, results: Sequence[Result], known: Collection[tuple[str, str]] | None) -> list[Result]:
    """Expired waivers (red), and waivers that nothing needs (a warning).

    `known` is every check there is, by id and host, whether or not this run asked it; None if that is not known. A
    waiver is unused when all that it covers was asked and passed: also when it covers no check at all.
    """
    verdicts = {(result.id, result.host): result.verdict for result in results}

    def is_unused(waiver: Waiver) -> bool:
        covered = [verdicts.get(pair) for pair in known or () if covers(waiver, *pair)]
        return known is not None and all(verdict is Verdict.PASS for verdict in covered)

    def finding(waiver: Waiver, verdict: Verdict, message: str, fix: str) -> Result:
        nodeid, name = f"waivers.yaml::{waiver.id}[{waiver.host}]", f"waiver of {waiver.id} on {waiver.host}"
        return Result(
            nodeid=nodeid,
            name=name,
            host=Control().name,
            stage=False,
            verdict=verdict,
            started="",
            seconds=0.0,
            worker="main",
            severity=Severity.WARNING,
            message=message,
            fix=fix,
            title="Waivers are in force and needed",
            title_zh="豁免未过期且确有需要",
        )

    expired = [
        finding(w, Verdict.FAIL, f"the waiver of {w.id} on {w.host} expired on {w.expires}", "renew or remove it")
        for w in site.waivers.expired
    ]
    unused = [
        finding(w, Verdict.WARN, f"the waiver of {w.id} on {w.host} covers no finding", "remove it from waivers.yaml")
        for w in site.waivers.entries
        if w not in site.waivers.expired and is_unused(w)
    ]
    return expired + unused
