"""The suite as a pytest plugin: the hooks, in the order in which pytest calls them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from dlws.config import cluster as cluster_config
from dlws.config.cluster import Cluster
from dlws.engine import graph, hooks, inputs, options, replay, scheduler, selection, waivers
from dlws.engine import new_hosts as newcomers
from dlws.engine.check import check_of
from dlws.engine.conclusion import KNOWN, Conclusion
from dlws.engine.credentials import CredentialError, root_credential
from dlws.engine.inputs import Inputs
from dlws.engine.items import SITE, CheckItem, StageItem, TargetItem, collected, site_of, worker_of
from dlws.engine.lock import ClusterBusy, hold
from dlws.engine.progress import Reporter
from dlws.engine.site import Context, Site, open_fleet
from dlws.engine.stage import stage_of
from dlws.inventory import Node
from dlws.record.ledger import encode
from dlws.record.run_folder import RunFolder, RunFolderError
from dlws.verdict import Unknown

CLUSTER = pytest.StashKey[Cluster]()
CONTEXT = pytest.StashKey[Context]()
WHERE = pytest.StashKey[dict[str, list[str]]]()
INPUTS = pytest.StashKey[Inputs]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """The hooks by which the reports hear of a run's end."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | None:
    """Before xdist decides on workers: which command is this, on which cluster, how wide."""
    if hasattr(config, "workerinput") or config.option.help or not options.is_cluster_run(config):
        return None
    command = options.command_of(config.option.markexpr)
    options.settle_paths(config, command)
    options.check_replay(config, command)
    options.check_whole(config, command)
    if config.option.replay is not None:
        start_replay(config, command)
        return None
    cluster = load_cluster(config)
    config.stash[CLUSTER] = cluster
    options.check_confirmed(config, command or "verify", cluster.name)
    config.stash[CONTEXT] = start_run(config, cluster, command or "verify")
    if command == "scale_up":
        new = new_hosts(cluster, config.stash[CONTEXT])
        limited = selection.named(cluster, config.option.limit) if config.option.limit else new
        limit = ",".join(name for name in new if name in limited)
        config.stash[CONTEXT] = replace(config.stash[CONTEXT], limit=limit)
        if not limit:
            which = f"every machine of {cluster.path.name}" + (" that --limit names" if config.option.limit else "")
            print(f"nothing to add: {which} is a node of {cluster.name} already")
            return pytest.ExitCode.OK
    quieten(config)
    if config.option.numprocesses is None and command in options.STAGE_COMMANDS and not config.option.collectonly:
        config.option.numprocesses = min(len(cluster.nodes) + options.MORE_WORKERS, options.WORKERS_CAP)
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and for a run on a cluster the machinery."""
    for name, meaning in options.MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if "dlws" in getattr(config, "workerinput", {}):
        config.stash[CONTEXT] = Context.unpacked(config.workerinput["dlws"])  # type: ignore[attr-defined]
        config.stash[CLUSTER] = cluster_of(config, config.stash[CONTEXT])
    if CONTEXT not in config.stash:
        return
    print_freely(config)
    config.stash[WHERE] = {}
    opened: Callable[[], Site] = cache(lambda: open_site(config))
    config.stash[SITE] = opened
    config.pluginmanager.register(Run(config), "dlws-run")
    scheduler.install(config)


def print_freely(config: pytest.Config) -> None:
    """Without pytest's capture of output and logs: a run prints through its board alone, and has thousands of tests.

    And without hypothesis, which would be loaded at the end, a second, to say nothing.
    """
    manager = config.pluginmanager
    manager.set_blocked("logging-plugin")
    manager.set_blocked("hypothesispytest")
    capture = manager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
        manager.unregister(capture)


def pytest_pycollect_makeitem(collector: pytest.Collector, obj: Any) -> list[pytest.Item] | None:
    """Where no cluster is concerned a check or stage is nobody's test, least of all one that passes."""
    ours = CONTEXT not in collector.config.stash and (stage_of(obj) or check_of(obj))
    return [] if ours else None


def load_cluster(config: pytest.Config) -> Cluster:
    """The configuration, or a UsageError with everything that is wrong with it."""
    path = Path(config.option.cluster)
    if not path.is_absolute():
        path = config.invocation_params.dir / path
    if not path.exists():
        raise pytest.UsageError(
            f"no {path}: copy your config.yaml here or name it with --cluster FILE (a sample: lab/config.yaml)"
        )
    try:
        return cluster_config.load(path)
    except cluster_config.ConfigError as error:
        raise pytest.UsageError(str(error)) from error


def cluster_of(config: pytest.Config, context: Context) -> Cluster:
    """The cluster of this run: as it is configured now, or as the run that is replayed was told."""
    return inputs_of(config, context.replays).cluster if context.replays else load_cluster(config)


def inputs_of(config: pytest.Config, folder: Path) -> Inputs:
    """What the run that is replayed was told."""
    if INPUTS not in config.stash:
        told = replay.told(replay.audited(folder), lambda: load_cluster(config), sha256_of)
        config.stash[INPUTS] = told
    return config.stash[INPUTS]


def start_replay(config: pytest.Config, command: str | None) -> None:
    """A new run that judges the evidence of an earlier one: no credential, no lock, no host."""
    run = replay.named(config.option.replay, config.rootpath / "reports" / "out", command)
    told = inputs_of(config, run.folder.path)
    folder = new_folder(config, told.cluster, f"{run.ledger.run.command}-replay")
    config.stash[CLUSTER] = told.cluster
    config.stash[CONTEXT] = Context(
        run=folder.name,
        folder=folder,
        resumed=None,
        command=run.ledger.run.command,
        plan=False,
        strict=bool(config.option.strict) or run.ledger.run.strict,
        limit=config.option.limit,
        root_user="root",
        root_password=None,
        replays=run.folder.path,
    )
    quieten(config)


def start_run(config: pytest.Config, cluster: Cluster, command: str) -> Context:
    """A new run: its folder, the lock on the cluster where it may change it, the root credential."""
    try:
        credential = root_credential(cluster.state)
        if command in options.STAGE_COMMANDS and not config.option.plan:
            config.add_cleanup(hold(cluster.state, command))
    except (CredentialError, ClusterBusy) as error:
        raise pytest.UsageError(str(error)) from error
    folder = new_folder(config, cluster, command + ("-plan" if config.option.plan else ""))
    return Context(
        run=folder.name,
        folder=folder,
        resumed=last_run(folder.parent, command) if config.option.resume else None,
        command=command,
        plan=config.option.plan,
        strict=bool(config.option.strict),
        limit=config.option.limit,
        root_user=credential.user,
        root_password=credential.password,
    )


def new_folder(config: pytest.Config, cluster: Cluster, what: str) -> Path:
    """Where a run that begins now is kept; not made yet."""
    folder = config.rootpath / "reports" / "out" / cluster.name / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{what}"
    while folder.exists():
        folder = folder.with_name(folder.name + "-again")
    return folder


def quieten(config: pytest.Config) -> None:
    """The board tells the story, not pytest's dots."""
    config.option.verbose = min(config.option.verbose, -1)
    config.option.reportchars = ""


def new_hosts(cluster: Cluster, context: Context) -> list[str]:
    """The machines that the cluster has no node of. UsageError when it cannot be asked."""
    fleet = open_fleet(cluster, context, "newcomers")
    try:
        return newcomers.of(cluster, fleet.host(cluster.master.name))
    except Unknown as error:
        raise pytest.UsageError(f"-m scale_up: cannot tell which hosts are new: {error}") from error
    finally:
        fleet.close()


def open_site(config: pytest.Config) -> Site:
    """This process's way to the hosts."""
    context, cluster = config.stash[CONTEXT], config.stash[CLUSTER]
    say = Reporter(context.folder / "progress.sock").say
    if context.replays:
        told = inputs_of(config, context.replays)
        return replay.open_site(replay.audited(context.replays), told, context, say)
    try:
        accepted = waivers.load(cluster.path.with_name("waivers.yaml"))
    except waivers.WaiverError as error:
        raise pytest.UsageError(str(error)) from error
    fleet = open_fleet(cluster, context, worker_of(config))
    return Site(cluster, context, fleet, accepted, say)


class Run:
    """The hooks of a run on a cluster; in the controller, in each worker, and in a run of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.cluster = config.stash[CLUSTER]
        self.context = config.stash[CONTEXT]
        self.conclusion: Conclusion | None = None

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a new worker what run this is."""
        node.workerinput["dlws"] = self.context.packed()

    def pytest_pycollect_makeitem(self, collector: pytest.Module, name: str, obj: Any) -> list[TargetItem] | None:
        """Checks and stages become one item per target; helpers in the same files are nobody's tests."""
        if not isinstance(collector, pytest.Module) or not callable(obj):
            return None
        if stage := stage_of(obj):
            self.config.stash[WHERE][stage.name] = [t.name for t in stage.targets(self.cluster)]
        return list(collected(collector, name, obj, self.cluster)) if name.startswith("test_") else []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        """The graph is made of all stages before any is deselected; the order comes last."""
        where = self.config.stash[WHERE]
        try:
            steps = graph.build(items, where, self.cluster.master.name)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error
        every = frozenset((i.spec.id, i.target.name) for i in items if isinstance(i, CheckItem))
        self.config.stash[KNOWN] = every if self._is_whole() else None
        filters = self._filters(items)
        chosen = {item: all(keep(item) for keep in filters) for item in items}
        self.config.hook.pytest_deselected(items=[item for item in items if not chosen[item]])
        items[:] = [item for item in items if chosen[item]]
        yield
        graph.mark(items, steps)
        items[:] = graph.ordered(items, steps) if steps.selected else by_host(items, self.cluster)
        for item in items:
            if isinstance(item, StageItem):
                item.missing, item.earlier = steps.absent(item.step), steps.earlier(item.step)
        self.config.stash[graph.GRAPH] = steps

    def _is_whole(self) -> bool:
        """Whether every check was collected; in a replay, whether it was then."""
        if self.context.replays:
            return inputs_of(self.config, self.context.replays).whole
        return bool(self.config.args == [str(self.config.rootpath / "checks")])

    def _filters(self, items: list[pytest.Item]) -> list[Callable[[Any], bool]]:
        option = self.config.option
        keep: list[Callable[[Any], bool]] = [selection.wanted_by(self.context.command)]
        if self.context.limit:
            keep.append(selection.limited(self.cluster, self.context.limit))
        if option.stages:
            keep.append(selection.staged(items, option.stages))
        if option.resume:
            last = self.context.resumed and RunFolder(self.context.resumed).read().ledger
            keep.append(selection.resumed(last or None, sha256_of(self.cluster.path)))
        if self.context.replays:
            keep.append(replay.again(replay.audited(self.context.replays)))
        elif not option.active:
            keep.append(selection.passive)
        return keep

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All is known that is to run: open the ledger; in an audit of one process, send for the facts."""
        if self.config.option.collectonly or graph.GRAPH not in self.config.stash:
            return  # nothing is to run, or the selection was refused
        site = site_of(self.config)
        if not hasattr(self.config, "workerinput"):
            self.context.folder.mkdir(parents=True, exist_ok=True)
            run = replay.audited(self.context.replays) if self.context.replays else None
            sha256 = run.ledger.run.config_sha256 if run else sha256_of(self.cluster.path)
            self.conclusion = Conclusion(self.config, site, session, sha256, suite_version())
            if run:
                self.conclusion.replays(run)
            whole = self.config.stash[KNOWN] is not None
            inputs.save(RunFolder(self.context.folder), Inputs(self.cluster, site.waivers, whole))
            self.conclusion.begin()
        if not self.config.stash[graph.GRAPH].selected and self.config.getoption("dist", "no") == "no":
            wanted = dict.fromkeys(
                i.target.name for i in session.items if isinstance(i, TargetItem) and isinstance(i.target, Node)
            )
            site.fleet.expect(list(wanted))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the result travel on the report of the phase that decided it."""
        report = yield
        if isinstance(item, TargetItem) and report.when == "call" and item.result is not None:
            is_worker = hasattr(self.config, "workerinput")
            report.dlws = encode(item.result) if is_worker else item.result  # type: ignore[attr-defined]
        elif report.failed:
            report.longrepr = site_of(self.config).fleet.transcript.redactor.text(str(report.longrepr))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In the controller: write it down."""
        if self.conclusion:
            self.conclusion.take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Counts by verdict or outcome in pytest's closing line; no letters."""
        return self.conclusion.word_for(report) if self.conclusion else None

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the connections; in the controller the ledger too, and write the reports."""
        if SITE in self.config.stash and not self.config.option.collectonly:
            site_of(self.config).fleet.close()
        if self.conclusion:
            self.conclusion.end(session)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Let the reports have the last word."""
        if self.conclusion:
            self.conclusion.show()


def by_host(items: list[pytest.Item], cluster: Cluster) -> list[pytest.Item]:
    """Checks host after host, one host of each kind first: its commands are then known for the others.

    Before all of them the check that finds out whether the Kubernetes API can be asked.
    """
    seen: set[str] = set()
    firsts = [n.name for n in cluster.nodes if not (n.kind in seen or seen.add(n.kind))]  # type: ignore[func-returns-value]
    rank = {name: i for i, name in enumerate([*firsts, *(n.name for n in cluster.nodes)][::-1])}

    def place(item: pytest.Item) -> tuple[bool, int]:
        host = -rank.get(item.target.name, -1) if isinstance(item, TargetItem) else 0
        return item.get_closest_marker("judges_api") is None, host

    return sorted(items, key=place)


def last_run(runs: Path, command: str) -> Path | None:
    """The folder of the newest readable run of a command on this cluster that was no plan."""
    for folder in sorted(runs.glob(f"*-{command}*"), reverse=True):
        with contextlib.suppress(RunFolderError):
            run = RunFolder(folder).read().ledger.run
            if run.command == command and not run.plan:
                return folder
    return None


def sha256_of(path: Path) -> str:
    """Which configuration was run."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def suite_version() -> str:
    """The installed version, or that of the checkout."""
    try:
        return version("dlws-suite")
    except PackageNotFoundError:
        return os.environ.get("DLWS_SUITE_VERSION", "checkout")
