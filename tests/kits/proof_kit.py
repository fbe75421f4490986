"""Runs the proofs of `proof_cases`: judges a check on hosts and an API with the answers of the case."""

from __future__ import annotations

import itertools
import re
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

import dlws.remote.ssh
import fixtures.earlier
import fixtures.peers
import fixtures.plugin
from dlws.config.cluster import Cluster
from dlws.engine import inputs
from dlws.engine.inputs import Inputs
from dlws.engine.proving import judge
from dlws.engine.site import Context, Site
from dlws.engine.targets import CONTROL, WHOLE
from dlws.engine.waivers import Waivers
from dlws.facts import control_host
from dlws.inventory import Node, Target
from dlws.record.answer import Answer, LoginRefused, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.ledger import Proof
from dlws.record.redaction import Redactor
from dlws.record.run_folder import RunFolder
from dlws.remote.connection import CAP, CLOCK, Connection
from dlws.remote.fleet import Fleet
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.outbox import Stdin
from dlws.remote.replay import Replay, ReplayedApi, ReplayedFleet
from tests.kits import proof_content
from tests.kits.proof_api import FAILURES, Broken, RecordedApi, merged
from tests.kits.proof_cases import (
    BESIDE,
    HEALTHY,
    HOSTS,
    LAYERS,
    QUICK,
    Case,
    Given,
    ProofError,
    healthy,
    healthy_api,
    loaded,
    no_network,
    with_platform,
)
from tests.kits.proof_platform import CHECKOUT, furnish

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
BROKE = "the suite itself broke"  # the start of the engine's message for an exception that is not a verdict


class Answering(Connection):
    """A host with the answers of the case, and otherwise those of a healthy host."""

    def __init__(self, host: str, user: str, own: Mapping[str, Given], usual: Mapping[str, Given]) -> None:
        self.host, self.user = host, user
        self._patterns = {key: re.compile(".*".join(map(re.escape, key.split("…"))), re.DOTALL) for key in own}
        self._given, self._usual = {**usual, **own}, usual
        self.unasked = set(own)
        self.asked: list[str] = []

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        return [self._answer(command) for command in commands]

    def clock(self) -> Answer:
        return self._answer(CLOCK)

    def _answer(self, command: str) -> Answer:
        matching = (key for key, pattern in self._patterns.items() if pattern.fullmatch(command))
        key = command if command in self._patterns else next(matching, command)
        if key not in self._given:
            raise ProofError(f"{self.host}: neither the case nor tests/proofs/healthy answers: {command}")
        self.unasked.discard(key)
        self.asked.append(command)
        given = self._given[key]
        if given.edits:
            given = replace(self._usual[command], out=edited(self._usual[command].out, given.edits))
        return given.to(self.host, command)

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        return self._answer(command)

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> NoReturn:
        raise ProofError(f"{self.host}: a check must change nothing: {command}")

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


def edited(text: str, edits: Mapping[str, str]) -> str:
    """The text with the replacements made. Raises ProofError if the text to replace does not occur."""
    for old, new in edits.items():
        if old not in text:
            raise ProofError(f"a healthy host does not answer {old!r}")
        text = text.replace(old, new)
    return text


def carry_out(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> Proof:
    """Judge the check on the case's host. Raises ProofError if an answer of the case was not used."""
    return _carried_out(case, folder, patch)[0]


def _carried_out(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Proof, list[str]]:
    api = RecordedApi(healthy_api(), case.kube)
    hosts, proof, evidence = _judged(case, _cluster(case, folder), patch, {}, api)
    answering = {**hosts, "kubernetes": api}
    if unasked := [f"{name}: {key}" for name, those in answering.items() for key in sorted(those.unasked)]:
        raise ProofError(f"{case}: the check does not ask {'; '.join(unasked)}")
    return proof, evidence


def spoil(
    case: Case, folder: Path, patch: pytest.MonkeyPatch, failures: Sequence[Given]
) -> Iterator[tuple[Given, str, Proof]]:
    """For each failure and each command of the check in this case, the resulting proof."""
    cluster = _cluster(case, folder)
    hosts, *_ = _judged(case, cluster, patch, {})
    asked = [(name, command) for name, host in hosts.items() for command in dict.fromkeys(host.asked)]
    for failure, (name, command) in itertools.product(failures, asked):
        yield failure, command, _judged(case, cluster, patch, {name: {command: failure}})[1]


def spoil_api(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[Broken, str, Proof]]:
    """For each way in which a request can fail and each request in this case, the resulting proof."""
    cluster, whole = _cluster(case, folder), RecordedApi(healthy_api(), case.kube)
    _judged(case, cluster, patch, {}, whole)
    for failure, command in itertools.product(FAILURES, dict.fromkeys(whole.asked)):
        if not (failure.torn and command.startswith("GET /readyz")):  # plain text may end anywhere
            api = RecordedApi(healthy_api(), case.kube, {command: failure})
            yield failure, command, _judged(case, cluster, patch, {}, api)[1]


def _judged(
    case: Case,
    cluster: Cluster,
    patch: pytest.MonkeyPatch,
    failing: Mapping[str, Mapping[str, Given]],
    api: RecordedApi | None = None,
) -> tuple[dict[str, Answering], Proof, list[str]]:
    folder = cluster.path.parent
    hosts = _hosts(case, cluster, failing)
    patch.setattr(socket.socket, "connect", no_network)
    patch.setattr(socket, "getaddrinfo", no_network)
    patch.setattr(dlws.remote.ssh, "open_ssh", _logins(case))
    _libraries(case, folder, patch)
    patch.setattr(fixtures.earlier, "runs_before", lambda this: [_earlier(case, this)])
    patch.setattr(fixtures.earlier, "begun", lambda run: NOW if run == folder else NOW - timedelta(hours=25))
    transcript = Transcript(folder / "evidence", Redactor([]))
    fleet = Fleet(
        cluster.nodes, lambda node: _opened(case, hosts[node.name]), transcript, open_control=lambda: hosts["control"]
    )
    context = _context(folder)
    patch.setattr(fixtures.peers, "answers", lambda node: node.name not in {HOSTS[kind] for kind in case.down})
    server = api or RecordedApi(healthy_api(), case.kube)
    site = Site(cluster, context, fleet, Waivers(), lambda label, text: None, server)
    target = case.check.target_for(_target(case, cluster), cluster)
    if target is None:
        raise ProofError(f"{case}: the check does not apply to {case.host}")
    with site.judging("proof") as evidence:
        proof = judge(site, case.check, target)
    fleet.close()
    if BROKE in proof.message:
        raise ProofError(proof.message)
    return hosts, proof, list(evidence)


def judge_again(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Proof, Proof]:
    """The proof of a case, and that of replaying its evidence without the cluster's files and hosts."""
    first, evidence = _carried_out(case, folder, patch)
    cluster = _cluster(case, folder)
    inputs.save(RunFolder(folder), Inputs(cluster, Waivers(), whole=True))
    recorded = inputs.load(RunFolder(folder))
    assert recorded
    cluster.path.unlink(missing_ok=True)
    (folder / "pod-network.yml").unlink()
    checkout = folder / "checkout"
    checkout.unlink() if checkout.is_symlink() else shutil.rmtree(checkout)
    replay = Replay(folder, {"proof": evidence}, Transcript(folder / "again", Redactor([])))
    api, fleet = ReplayedApi(replay), ReplayedFleet(recorded.cluster.nodes, replay)
    site = Site(
        recorded.cluster, _context(folder), fleet, Waivers(), lambda label, text: None, api, _kube=Kubernetes(api, api)
    )
    target = case.check.target_for(_target(case, recorded.cluster), recorded.cluster)
    assert target
    with site.judging("proof"):
        return first, judge(site, case.check, target)


def _context(folder: Path) -> Context:
    return Context(
        run="proof",
        folder=folder,
        resumed=None,
        command="verify",
        plan=False,
        strict=False,
        root_user="root",
        root_password=None,
    )


def _cluster(case: Case, folder: Path) -> Cluster:
    path = folder / "config.yaml"
    text = _configuration(case)
    for name in BESIDE:
        shutil.copy(HEALTHY / name, folder)
    furnish(folder)
    for name, content in case.spoilt.items():
        spoil_file(folder, name, content)
    if case.rewritten is not None:
        path.write_text(edited(text, case.rewritten))
        path.chmod(0o600)
    cluster = loaded(text)
    findings = tuple(replace(finding, file=str(path)) for finding in cluster.findings)
    found = replace(cluster, path=path, findings=findings)
    if found.content:
        proof_content.furnish(found, case.content)
    return found


def spoil_file(folder: Path, name: str, content: str | None) -> None:
    """Replace the content of a file, or remove it; a file of the checkout is first copied."""
    checkout = folder / "checkout"
    if name.startswith("checkout/") and checkout.is_symlink():
        checkout.unlink()
        shutil.copytree(CHECKOUT, checkout)
    file = folder / name
    if not file.exists() and not (CHECKOUT.parent / name).exists():
        raise ProofError(f"there is no {name} to spoil")
    file.unlink(missing_ok=True) if content is None else file.write_text(content)


def _configuration(case: Case) -> str:
    changes = {**case.config, **({"suite": case.suite} if case.suite else {})}
    text = _text_of_the_cluster()
    return yaml.dump(merged(yaml.load(text, QUICK), changes), Dumper=yaml.CSafeDumper) if changes else text


@cache
def _text_of_the_cluster() -> str:
    return (HEALTHY / "cluster.yaml").read_text()


def _hosts(case: Case, cluster: Cluster, failing: Mapping[str, Mapping[str, Given]]) -> dict[str, Answering]:
    hosts = {}
    for kind, name in HOSTS.items():
        own = case.answers if kind == case.host else case.elsewhere.get(kind, {})
        usual = usually(kind)
        user = case.user if kind == case.host else "root"
        hosts[name] = Answering(name, user, {**own, **failing.get(name, {})}, usual)
    state = str(cluster.state.folder)
    own, usual = (
        {command.replace("STATE", state): answer for command, answer in answers.items()}
        for answers in ({} if case.host else case.answers, healthy("control"))
    )
    hosts["control"] = Answering("control", "root", {**own, **failing.get("control", {})}, usual)
    return hosts


def _opened(case: Case, host: Answering) -> Answering:
    """The connection to a host. Raises Unreachable if it is down in this case."""
    if host.host in {HOSTS[kind] for kind in case.down}:
        raise Unreachable(f"{host.host}: connection timed out")
    return host


def _earlier(case: Case, folder: Path) -> Path:
    """Write a run of 25 h ago next to this run's folder."""
    folder = folder.with_name(f"{folder.name}-earlier")
    if case.earlier and not folder.exists():
        then = Answering(HOSTS[case.host], "root", case.earlier, usually(case.host))
        transcript = Transcript(folder / "evidence", Redactor([]))
        for answer in then.ask(list(usually(case.host))):
            transcript.append(then.host, answer, "read")
        transcript.close()
    return folder


@cache
def usually(kind: str) -> Mapping[str, Given]:
    """The answers of a healthy host of a kind; a later layer may edit those of an earlier one."""
    answers = dict(with_platform(kind))
    for command, answer in (row for layer in LAYERS[kind] for row in healthy(layer).items()):
        if answer.edits:
            answer = replace(answers[command], out=edited(answers[command].out, answer.edits))
        answers[command] = answer
    return answers


def _target(case: Case, cluster: Cluster) -> Target:
    if case.host:
        return cluster.node(HOSTS[case.host])
    return WHOLE if WHOLE in case.check.on(cluster) else CONTROL


def _logins(case: Case) -> Any:
    def open_ssh(node: Node, *_: Any) -> Connection:
        match case.login:
            case "accepted":
                return Answering(node.name, "dlwsadmin", {}, {})
            case "refused":
                raise LoginRefused(f"{node.name}: none of the logins is accepted")
            case "unreachable":
                raise Unreachable(f"{node.name}: connection reset by peer")
        return no_network()

    return open_ssh


def _libraries(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> None:
    lock = folder / "requirements.lock"
    if case.lock:
        lock.write_text(case.lock)
    if case.lock != "" or case.installed:
        patch.setattr(control_host, "LOCK", lock)
    for name, version in case.installed.items():
        metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(exist_ok=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if case.installed:
        patch.syspath_prepend(folder)
