"""`--replay RUN`: an audit judged again from its run folder. No host, no network, no credential is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster
from dlws.engine import inputs, waivers
from dlws.engine.inputs import Inputs
from dlws.engine.options import CHECK_COMMANDS
from dlws.engine.selection import Keep
from dlws.engine.site import Context, Site
from dlws.record import evidence, regular_file
from dlws.record.evidence import Transcript
from dlws.record.ledger import ItemRow, Ledger
from dlws.record.redaction import Redactor
from dlws.record.run_folder import LOST, RunFolder, RunFolderError, find_run
from dlws.record.whole_file import PRIVATE_FOLDER, create
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.replay import Replay, ReplayedApi, ReplayedFleet
from dlws.verdict import Unknown


@dataclass(frozen=True, slots=True)
class Audited:
    """The run that is being replayed."""

    folder: RunFolder
    ledger: Ledger

    @property
    def run(self) -> str:
        """Its name; if it is a replay itself, the name of the run that asked the hosts."""
        return self.ledger.run.replays or self.ledger.run.run

    @property
    def started(self) -> str:
        """When the hosts were asked."""
        return self.ledger.run.audited or self.ledger.run.started


@cache
def audited(folder: Path) -> Audited:
    """The run in a folder. UsageError when it cannot be replayed."""
    try:
        run = Audited(RunFolder(folder), RunFolder(folder).read().ledger)
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    if run.ledger.run.command not in CHECK_COMMANDS:
        raise pytest.UsageError(f"--replay: {folder.name} is no audit but an {run.ledger.run.command}")
    if shard := run.ledger.run.shard:
        raise pytest.UsageError(f"--replay: {folder.name} is shard {shard} of an audit: first dlws reports merge all")
    return run


def named(name: str, out: Path, command: str | None) -> Audited:
    """The run that --replay names, by its folder or its name. UsageError if it is missing or of another command."""
    try:
        run = audited(find_run(name, out).path.resolve())
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    recorded = run.ledger.run.command
    if recorded != (command or "verify"):
        raise pytest.UsageError(f"--replay: {name} is a run of {recorded}: replay it with -m {recorded}")
    return run


def recorded_inputs(run: Audited, configuration: Callable[[], Cluster], sha256: Callable[[Path], str]) -> Inputs:
    """The inputs of the run. For an older run that kept none, `configuration` loads the file if it is unchanged.

    UsageError when the recorded inputs cannot be read, or the configuration is not the one that was run.
    """
    try:
        recorded = inputs.load(run.folder)
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    if recorded is not None:
        return recorded
    cluster = configuration()
    if sha256(cluster.path) != run.ledger.run.config_sha256:
        raise pytest.UsageError(
            f"--replay: {run.folder.path.name} kept no configuration, and {cluster.path} is another"
        )
    entries = waivers.load(cluster.path.with_name("waivers.yaml")).entries
    return Inputs(cluster, waivers.Waivers(entries, datetime.fromisoformat(run.started).date()), whole=True)


def begin(run: Audited, folder: Path, items: list[str]) -> None:
    """Fill a replay's folder: the evidence to judge, and for each lost host the key of the test that reported it.

    UsageError when the run's folder has anything in it that is not a run's.
    """
    try:
        _fill(run, folder, items)
    except (RunFolderError, OSError) as error:
        raise pytest.UsageError(f"--replay: {error}") from error


def _fill(run: Audited, folder: Path, items: list[str]) -> None:
    (folder / "evidence").mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for name in run.folder.transcripts():
        regular_file.copy(run.folder.path, f"evidence/{name}", folder / "evidence" / name, evidence.MOST)
    red = {result.key for result in run.ledger.findings} & set(items)
    keys = {result.nodeid: result.key for result in run.ledger.findings}  # a run of schema 1 noted node ids
    for host, test in run.folder.lost().items():
        if (key := keys.get(test, test)) in red:
            (folder / LOST).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            create(folder / LOST / host, key, made_in=folder)


def open_site(run: Audited, recorded: Inputs, context: Context, say: Callable[[str, str], None]) -> Site:
    """The site of a replay: hosts that answer from the evidence. UsageError when there is none."""
    transcript = Transcript(context.folder / "evidence", Redactor([]))
    judged_by = {result.key: result.evidence for result in run.ledger.results}
    try:
        replay = Replay(run.folder.path, judged_by, transcript)
    except Unknown as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    api = ReplayedApi(replay)
    fleet = ReplayedFleet((*recorded.cluster.nodes, *recorded.cluster.leaving), replay)
    return Site(recorded.cluster, context, fleet, recorded.waivers, say, api, _kube=Kubernetes(api, api))


def again(run: Audited) -> Keep:
    """Keep the tests for which the run has a result."""
    judged = {result.key for result in run.ledger.results}
    return lambda item: item.key in judged


def missing(run: Audited, items: set[str]) -> tuple[ItemRow, ...]:
    """The tests of the run that are not judged again: it never ran them, or the suite no longer has them."""
    return tuple(item for item in run.ledger.run.items if item.key not in items)
