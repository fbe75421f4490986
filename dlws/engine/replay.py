"""`--replay RUN`: an audit judged again from its run folder. No host, no network, no credential is needed."""

from __future__ import annotations

import shutil
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
from dlws.record.evidence import Transcript
from dlws.record.ledger import ItemRow, Ledger
from dlws.record.redaction import Redactor
from dlws.record.run_folder import RunFolder, RunFolderError, find_run
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.replay import Replay, ReplayedApi, ReplayedFleet
from dlws.verdict import Unknown


@dataclass(frozen=True, slots=True)
class Audited:
    """The run that is replayed."""

    folder: RunFolder
    ledger: Ledger

    @property
    def run(self) -> str:
        """Its name; that of the first one, if it is a replay itself."""
        return self.ledger.run.replays or self.ledger.run.run

    @property
    def started(self) -> str:
        """When the hosts were asked."""
        return self.ledger.run.audited or self.ledger.run.started


@cache
def audited(folder: Path) -> Audited:
    """The run of a folder. UsageError when it cannot be replayed."""
    try:
        found = Audited(RunFolder(folder), RunFolder(folder).read().ledger)
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    if found.ledger.run.command not in CHECK_COMMANDS:
        raise pytest.UsageError(f"--replay: {folder.name} is no audit but an {found.ledger.run.command}")
    return found


def named(name: str, out: Path, command: str | None) -> Audited:
    """The run that --replay names, by its folder or its name. UsageError when it is not there or of another command."""
    try:
        found = audited(find_run(name, out).path.resolve())
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    was = found.ledger.run.command
    if was != (command or "verify"):
        raise pytest.UsageError(f"--replay: {name} is a run of {was}: replay it with -m {was}")
    return found


def told(run: Audited, configuration: Callable[[], Cluster], sha256: Callable[[Path], str]) -> Inputs:
    """What the run was told. Of a run that kept none, `configuration` loads the file, if it is the same one still."""
    try:
        found = inputs.load(run.folder)
    except RunFolderError as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    if found is not None:
        return found
    cluster = configuration()
    if sha256(cluster.path) != run.ledger.run.config_sha256:
        raise pytest.UsageError(
            f"--replay: {run.folder.path.name} kept no configuration, and {cluster.path} is another"
        )
    entries = waivers.load(cluster.path.with_name("waivers.yaml")).entries
    return Inputs(cluster, waivers.Waivers(entries, datetime.fromisoformat(run.started).date()), whole=True)


def begin(run: Audited, folder: Path, items: list[str]) -> None:
    """Make a replay's folder: it holds what it is judged from, and knows which test is the one to tell a lost host."""
    shutil.copytree(run.folder.evidence, folder / "evidence", dirs_exist_ok=True)
    red = {result.key for result in run.ledger.findings} & set(items)
    keys = {result.nodeid: result.key for result in run.ledger.findings}  # a run of schema 1 noted node ids
    for lost in (run.folder.path / "lost").glob("*"):
        test = lost.read_text("utf-8")
        if (key := keys.get(test, test)) in red:
            (folder / "lost").mkdir(exist_ok=True)
            (folder / "lost" / lost.name).write_text(key, encoding="utf-8")


def open_site(run: Audited, told: Inputs, context: Context, say: Callable[[str, str], None]) -> Site:
    """This process's way to the hosts as they were. UsageError when there is no evidence."""
    transcript = Transcript(context.folder / "evidence", Redactor([]))
    judged_by = {result.key: result.evidence for result in run.ledger.results}
    try:
        replay = Replay(run.folder.evidence, judged_by, transcript)
    except Unknown as error:
        raise pytest.UsageError(f"--replay: {error}") from error
    api = ReplayedApi(replay)
    fleet = ReplayedFleet((*told.cluster.nodes, *told.cluster.leaving), replay)
    return Site(told.cluster, context, fleet, told.waivers, say, api, _kube=Kubernetes(api, api))


def again(run: Audited) -> Keep:
    """Keep the tests that the run had a result of."""
    judged = {result.key for result in run.ledger.results}
    return lambda item: item.key in judged


def missing(run: Audited, items: set[str]) -> tuple[ItemRow, ...]:
    """The tests of the run that are not judged again: it did not come to them, or the suite no longer has them."""
    return tuple(item for item in run.ledger.run.items if item.key not in items)
