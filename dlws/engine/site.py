"""The site of a run: the cluster and the connections to its hosts. The arguments of checks and stages come from it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.config.seeds import hosts_of, seed_of
from dlws.config.state import State
from dlws.engine.credentials import ENVIRONMENT
from dlws.engine.first_judgement import FirstJudgement, InMemory, Store
from dlws.engine.lock import Orphaned
from dlws.engine.waivers import Waivers
from dlws.inventory import Node, Target
from dlws.platform import job_objects
from dlws.record.answer import HeldByAnotherRun, LoginRefused, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.record.whole_file import PRIVATE_FOLDER, create
from dlws.remote import lease, seed
from dlws.remote.api_server import ApiServer, Server
from dlws.remote.change import Applier
from dlws.remote.connection import Connection
from dlws.remote.fleet import RETRY, Fleet
from dlws.remote.foresight import Foresight, kept_for, source_digest
from dlws.remote.host import Host
from dlws.remote.hostkeys import keys_of
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.seed import Seed
from dlws.remote.spool import OWN_LINK, Supply

MEETS_NEW_HOSTS = ("preflight", "install", "scale_up")
"""The commands that the root password of the first contact is for."""
LOST = "lost"  # the folder in the run's that has a file for each host that was found unreachable
JUDGED = "judged"  # the folder in the run's for notes that its processes share while it goes on


@dataclass(frozen=True, slots=True)
class Context:
    """The settings of a run, shared by all its processes; travels as plain builtins in xdist's workerinput."""

    run: str
    folder: Path
    resumed: Path | None
    """The folder of the run that --resume continues. The controller looks it up, because a worker would find the run
    that has just begun."""
    command: str
    plan: bool
    strict: bool
    root_user: str
    root_password: str | None = field(repr=False)
    limit: str | None = None
    """The hosts that this run is limited to, in the form of --limit; for scale_up the controller computes it."""
    replays: Path | None = None
    """The folder of the run whose evidence is judged again (--replay)."""
    shard: str = ""
    """The part of an audit that this run is, `2/5`; empty for a whole one (`dlws.engine.shards`)."""
    lease: str = ""
    """The line of the lease on the master; empty for a run that changes nothing (`dlws.remote.lease`)."""

    controller: int = field(default_factory=os.getpid)
    """The process id of the controller; a worker is its child."""

    @property
    def meets_new_hosts(self) -> bool:
        """Whether this run may meet hosts that know no key of ours yet. In any other no password is offered."""
        return self.command in MEETS_NEW_HOSTS

    @property
    def is_audit(self) -> bool:
        """Whether this run only reads: preflight or verify."""
        return self.command in ("preflight", "verify")

    def check_controller(self) -> None:
        """Raise Orphaned in a worker whose controller is gone."""
        if self.controller not in (os.getpid(), os.getppid()):
            raise Orphaned("the controller of this run is gone: nothing more is sent")

    def packed(self) -> dict[str, Any]:
        """The fields as builtins, the only types that execnet sends."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {name: str(value) if isinstance(value, Path) else value for name, value in plain.items()}

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Context:
        """The inverse of `packed`."""
        paths = {name: Path(data[name]) if data[name] else None for name in ("folder", "resumed", "replays")}
        return cls(**{**data, **paths})


@dataclass(slots=True)
class Site:
    """The cluster of this run and its hosts. One per process."""

    cluster: Cluster
    context: Context
    fleet: Fleet
    waivers: Waivers
    say: Callable[[str, str], None]
    server: Server | None = None
    """Answers the requests to the Kubernetes API; None for the cluster's own API server."""
    judged: Store = field(default_factory=InMemory)
    """Where the first judgements of this run are kept."""
    _kube: Kubernetes | None = None
    _making_kube: threading.Lock = field(default_factory=threading.Lock)
    _leased_from: float = 0.0
    """When (time.monotonic) a master that could not be reached is tried again for the lease."""
    _asking_for_lease: threading.Lock = field(default_factory=threading.Lock)
    _seeds: dict[str, Seed] = field(default_factory=dict)
    _asking_for_seed: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kube(self) -> Kubernetes:
        """The Kubernetes API. An audit sends each request once and remembers the answer; an install sends every one."""
        with self._making_kube:  # stages of several hosts may ask for it at the same time
            if self._kube is None:
                server = self.server or ApiServer(
                    self.cluster.state.admin_conf, self.cluster.master.address, self._to_master
                )
                self._kube = Kubernetes(server, self.fleet.transcript, {} if self.context.is_audit else None)
            return self._kube

    def _to_master(self) -> Connection:
        return self.fleet.connection(self.cluster.master.name)

    def host(self, target: Target) -> Host:
        """The testinfra host of a target. Unreachable when it cannot be connected to."""
        return self.fleet.host(target.name)

    def permit(self, target: Target) -> None:
        """Raise unless this process may send a change to a target now: its controller lives, and it has the lease.

        HeldByAnotherRun when the master was lost and another run has come first. A master that cannot be reached keeps
        no other host waiting.
        """
        self.context.check_controller()
        master = self.cluster.master.name  # whoever connects to the master itself takes the lease with the session
        if not self.context.lease or target.name == master:
            return
        with self._asking_for_lease:  # one tries for all who wait here
            if time.monotonic() < self._leased_from:
                return
            try:
                self.fleet.connection(master).restore()
            except HeldByAnotherRun:
                raise
            except Unreachable:
                self._leased_from = time.monotonic() + RETRY

    def applier(self, target: Target, supply: Supply = OWN_LINK) -> Applier:
        """Sends changes to a target. Unreachable when it cannot be connected to."""
        permit = partial(self.permit, target)
        return Applier(self.host(target), lambda: self.fleet.connection(target.name), permit=permit, supply=supply)

    def supply(self, target: Target) -> Supply:
        """How large files get to a target: by way of its seed, if it has one."""
        name = seed_of(self.cluster, target.name)
        if name is None:
            return OWN_LINK
        with self._asking_for_seed:
            return self._seeds.setdefault(name, self._seed(self.cluster.node(name)))

    def _seed(self, node: Node) -> Seed:
        return Seed(
            node.name,
            node.address,
            self.cluster.suite.seed_port,
            {host.name: host.address for host in hosts_of(self.cluster, node.name)},
            host=partial(self.host, node),
            spool=lambda: self.applier(node).spool("bring a file to hand out", seed.AWAY, seed.FOLDER),
            is_lost=lambda: self._is_lost(node),
            locks=self.context.folder / "seeds",
        )

    def _is_lost(self, node: Node) -> bool:
        """Whether there is no use in waiting for a host: the run has found it unreachable, or does not restart it."""
        limit = self.context.limit
        elsewhere = limit and not any(fnmatchcase(node.name, pattern.strip()) for pattern in limit.split(","))
        return bool(elsewhere) or (self.context.folder / LOST / node.name).exists()

    @property
    def first_judgement(self) -> FirstJudgement:
        """The first judgements of this run, in all its processes."""
        return FirstJudgement(self.judged, self.fleet.transcript)

    @contextmanager
    def judging(self, test: str) -> Iterator[list[str]]:
        """Around the judging of a test: collects the references to the evidence that it uses, in order."""
        self.fleet.begin(test)
        with self.fleet.transcript.collecting() as references:
            yield references

    def first_to_lose(self, host: str, test: str) -> str:
        """The key of the test that first found a host unreachable, in any process of the run; it may be this test.

        A replay starts with the record of the original run, so the finding stays with the same test.
        """
        lost = self.context.folder / LOST
        lost.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        try:
            create(lost / host, test, made_in=self.context.folder)
        except FileExistsError:
            return (lost / host).read_text("utf-8")
        return test


def registry_secrets(cluster: Cluster) -> tuple[str, ...]:
    """The secrets in the login to the registry (runbook 3.16.1), to be redacted."""
    try:
        return job_objects.secrets_in(named_file.text(cluster.registry_config)) if cluster.registry_config else ()
    except (OSError, UnicodeDecodeError):
        return ()


def redactor_of(cluster: Cluster, context: Context) -> Redactor:
    """Masks every secret that a run is given: the configuration's, the registry login, the root password."""
    return Redactor([*cluster.secrets, *registry_secrets(cluster), context.root_password or ""])


def about_password(state: State, context: Context) -> str:
    """What a refused login is told with: where the password of the first contact comes from, if one is offered."""
    if not context.meets_new_hosts:
        return ""
    if context.root_password:
        return f"; the password is that of {ENVIRONMENT}, of {state.root_password}, or was typed"
    return f"; no password is given: set {ENVIRONMENT}, or write it into {state.root_password}, mode 0600"


def open_fleet(cluster: Cluster, context: Context, worker: str) -> Fleet:
    """Connections to every host. Logins are tried in order: the admin with the key, root with the key and, where new
    hosts are met, root with the password."""
    redactor = redactor_of(cluster, context)
    keys = keys_of(cluster)

    def open_host(node: Node) -> Connection:
        from dlws.remote.ssh import Login, Secret, open_ssh  # here: paramiko, for processes that log in

        key = cluster.state.key
        logins = [Login(user, key=key) for user in (cluster.admin_username, context.root_user)]  # it may be made yet
        if context.root_password and context.meets_new_hosts:
            logins.append(Login(context.root_user, password=Secret(context.root_password)))
        admit = partial(lease.take, run=context.lease) if context.lease and node == cluster.master else None
        try:
            return open_ssh(node, logins, keys, redact=redactor.text, admit=admit)
        except LoginRefused as error:
            raise LoginRefused(f"{error}{about_password(cluster.state, context)}") from error

    foresight = None
    if context.is_audit:
        path, suite = kept_for(cluster.path), source_digest()
        foresight = Foresight(path, suite=suite, selection=context.command, run=context.run, redact=redactor.text)
    transcript = Transcript(context.folder / "evidence", redactor, worker)
    return Fleet((*cluster.nodes, *cluster.leaving), open_host, transcript, foresight=foresight)
