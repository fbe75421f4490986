"""How a run begins, and how each of its processes sets itself up: the cluster, the folder, the context, the site."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from dlws.config import cluster as cluster_config
from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.engine import inputs, options, replay, selection, shards, waivers
from dlws.engine.credentials import CredentialError, kept_credential, root_credential
from dlws.engine.first_judgement import InFiles, InMemory
from dlws.engine.inputs import Inputs
from dlws.engine.items import is_worker, worker_of
from dlws.engine.lock import ClusterBusy, hold, share
from dlws.engine.progress import Reporter
from dlws.engine.site import JUDGED, MEETS_NEW_HOSTS, Context, Site, open_fleet
from dlws.record.answer import HeldByAnotherRun
from dlws.record.ownership import unwritable
from dlws.record.run_folder import RunFolder, RunFolderError, runs_of
from dlws.record.whole_file import PRIVATE_FOLDER
from dlws.remote import lease
from dlws.verdict import Unknown

CLUSTER = pytest.StashKey[Cluster]()
CONTEXT = pytest.StashKey[Context]()
INPUTS = pytest.StashKey[Inputs]()


def start(config: pytest.Config, command: str) -> None:
    """Begin a run on the configured cluster: sets CLUSTER and CONTEXT. UsageError says why it cannot begin."""
    cluster = load_cluster(config)
    config.stash[CLUSTER] = cluster
    options.check_confirmed(config, command, cluster.name)
    options.check_offered(cluster, command)
    shard = shards.parse(config.option.shard) if config.option.shard is not None else None
    if shard:
        shard.hosts(cluster)  # refuses more shards than machines
    try:
        credential = (root_credential if command in MEETS_NEW_HOSTS else kept_credential)(cluster.state)
        if command in options.STAGE_COMMANDS and not config.option.plan:
            config.add_cleanup(hold(cluster.state.lock, command))
    except (CredentialError, ClusterBusy) as error:
        raise pytest.UsageError(str(error)) from error
    folder = new_folder(config, cluster, command + ("-plan" if config.option.plan else ""))
    config.stash[CONTEXT] = Context(
        run=folder.name,
        folder=folder,
        resumed=last_run(folder.parent, command) if config.option.resume else None,
        command=command,
        plan=config.option.plan,
        strict=bool(config.option.strict),
        limit=config.option.limit,
        shard=str(shard) if shard else "",
        root_user=credential.user,
        root_password=credential.password,
        lease=lease.holder(command) if command in options.STAGE_COMMANDS and not config.option.plan else "",
    )


def start_replay(config: pytest.Config, command: str | None) -> None:
    """Begin a run that judges the evidence of an earlier one. Needs no credential, no lock and no host."""
    run = replay.named(config.option.replay, runs_of(config.rootpath), command)
    recorded = inputs_of(config, run.folder.path)
    folder = new_folder(config, recorded.cluster, f"{run.ledger.run.command}-replay")
    config.stash[CLUSTER] = recorded.cluster
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


def limit_to_new_hosts(config: pytest.Config) -> bool:
    """Limit a scale_up to the machines that are not nodes yet and that --limit names.

    False, with one line printed, if there are none. UsageError when the cluster's nodes cannot be listed.
    """
    cluster, context = config.stash[CLUSTER], config.stash[CONTEXT]
    new = hosts_to_add(cluster, context)
    named = selection.named(cluster, context.limit) if context.limit else new
    limit = ",".join(name for name in new if name in named)
    config.stash[CONTEXT] = replace(context, limit=limit)
    if not limit:
        which = f"every machine of {cluster.path.name}" + (" that --limit names" if context.limit else "")
        print(f"nothing to add: {which} is a node of {cluster.name} already")
    return bool(limit)


def hosts_to_add(cluster: Cluster, context: Context) -> list[str]:
    """The machines of the configuration that are not nodes of the cluster. UsageError when nodes cannot be listed."""
    from dlws.engine import new_hosts  # here, because it loads cryptography, which only scale_up needs

    fleet = open_fleet(cluster, context, "new_hosts")
    try:
        return new_hosts.without_node(cluster, fleet.host(cluster.master.name))
    except Unknown as error:
        raise pytest.UsageError(f"-m scale_up: cannot tell which hosts are new: {error}") from error
    finally:
        fleet.close()


def ask_for_master(site: Site) -> None:
    """Take the lease on the master before anything is changed, until this process ends; a plan only says who has it.

    UsageError if another run has it. A master that cannot be reached yet is left to the stages: whoever connects to it
    later takes the lease first.
    """
    context, master = site.context, site.cluster.master
    try:
        if context.lease:
            site.fleet.connection(master.name)
        elif context.plan and (other := lease.holder_on(site.host(master))):
            print(f"{master.name}: this cluster is being changed by {other}; make the plan again when it has ended")
    except HeldByAnotherRun as error:
        shutil.rmtree(context.folder, ignore_errors=True)  # it has only the evidence of this refusal
        raise pytest.UsageError(str(error)) from error
    except Unknown:
        return


def join(config: pytest.Config, packed: dict[str, object]) -> None:
    """In a worker: join the run that the controller has begun."""
    context = Context.unpacked(packed)
    config.stash[CONTEXT] = context
    config.stash[CLUSTER] = inputs_of(config, context.replays).cluster if context.replays else load_cluster(config)
    if context.command in options.STAGE_COMMANDS and not context.plan:
        config.add_cleanup(share(config.stash[CLUSTER].state.lock))
        context.check_controller()


def load_cluster(config: pytest.Config) -> Cluster:
    """The cluster that --cluster names. UsageError with everything that is wrong with its configuration."""
    try:
        return cluster_config.load(config.invocation_params.dir / config.option.cluster)
    except cluster_config.ConfigError as error:
        raise pytest.UsageError(str(error)) from error


def inputs_of(config: pytest.Config, folder: Path) -> Inputs:
    """The inputs of the run that is replayed: its cluster, its waivers, its date."""
    if INPUTS not in config.stash:
        config.stash[INPUTS] = replay.recorded_inputs(replay.audited(folder), lambda: load_cluster(config), sha256_of)
    return config.stash[INPUTS]


def open_site(config: pytest.Config) -> Site:
    """The site of this process. UsageError for waivers that cannot be used."""
    context, cluster = config.stash[CONTEXT], config.stash[CLUSTER]
    say = Reporter(context.folder / "progress.sock").say
    if context.replays:
        return replay.open_site(replay.audited(context.replays), inputs_of(config, context.replays), context, say)
    try:
        accepted = waivers.load(cluster.path.with_name("waivers.yaml"))
    except waivers.WaiverError as error:
        raise pytest.UsageError(str(error)) from error
    fleet = open_fleet(cluster, context, worker_of(config))
    if context.shard:
        fleet.beyond = shards.parse(context.shard).beyond(cluster)
    shared = InFiles(context.folder / JUDGED, fleet.transcript.redactor.text)
    return Site(cluster, context, fleet, accepted, say, judged=shared if is_worker(config) else InMemory())


def open_folder(config: pytest.Config, site: Site, *, whole: bool) -> str:
    """Create the run's folder and save the inputs in it. Returns the SHA-256 of the configuration that is judged.

    `whole` says whether every check was collected.
    """
    context = config.stash[CONTEXT]
    inputs.save(RunFolder(context.folder), Inputs(site.cluster, site.waivers, whole))
    if context.replays:
        return replay.audited(context.replays).ledger.run.config_sha256
    return sha256_of(site.cluster.path)


def new_folder(config: pytest.Config, cluster: Cluster, name: str) -> Path:
    """Make the folder for a run that begins now, so that no other run takes it; removed if the run writes nothing.

    UsageError if none can be made.
    """
    folder = runs_of(config.rootpath) / cluster.name / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
    with writing(folder):
        while not _is_made(folder):
            folder = folder.with_name(folder.name + "-again")
    config.add_cleanup(lambda: _remove_if_empty(folder))
    return folder


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Around what writes a run's first files. UsageError where the disk is full, or `folder` cannot be one."""
    try:
        yield
    except PermissionError:
        raise  # is answered with whose it is
    except OSError as error:
        raise pytest.UsageError(unwritable(folder, error)) from error


def _is_made(folder: Path) -> bool:
    """Make a folder, for its owner alone, and its parents; False if it was there."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True)
    except FileExistsError:
        return False
    return True


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def last_run(runs: Path, command: str) -> Path | None:
    """The folder of the newest readable run of a command on this cluster that was not a plan."""
    for folder in sorted(runs.glob(f"*-{command}*"), reverse=True):
        with contextlib.suppress(RunFolderError):
            run = RunFolder(folder).read().ledger.run
            if run.command == command and not run.plan:
                return folder
    return None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex: identifies the configuration that was run."""
    return hashlib.sha256(named_file.content(path)).hexdigest()


def suite_version() -> str:
    """The installed version; without an installation, DLWS_SUITE_VERSION or `checkout`."""
    try:
        return version("dlws-suite")
    except PackageNotFoundError:
        return os.environ.get("DLWS_SUITE_VERSION", "checkout")
