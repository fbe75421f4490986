"""Proofs of the checks: what a host answers, and the verdict that a check must come to. They lie in tests/proofs/.

    H09:
      pass: [healthy]                  # every kind of host that the check speaks of, as tests/proofs/healthy has it
      fail:
      - cat /proc/swaps: "..."         # what a host answers otherwise than a healthy one
        says: expected none, found /dev/sda2
      unknown:
      - cat /proc/swaps: !missing      # or !timeout, !lost, !no_file, !error TEXT, !cut TEXT, {rc: 1, out: X, err: Y},
                                       # !edited {OLD: NEW}: a healthy host's answer with that replaced

A key of a case is a command, or one of the fields of `Case`. A `…` in a command stands for any text, and STATE for the
cluster's state folder. A command that nobody answers, and an answer that nobody asks for, are errors of the case.
"""

from __future__ import annotations

import itertools
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from proof_api import FAILURES, Broken, RecordedApi, merged

import fixtures.site
from checks import control
from cluster.config import Cluster, load
from cluster.inventory import Node, Target
from cluster.ledger import Proof
from cluster.verdict import Verdict
from fixtures import inputs
from fixtures.check import Check
from fixtures.engine import judge
from fixtures.inputs import Inputs
from fixtures.site import Context, Site
from fixtures.targets import CONTROL, WHOLE
from fixtures.waivers import Waivers
from remote.answer import Answer, LinkLost, LoginRefused, Unreachable
from remote.connection import CAP, CLOCK, Connection
from remote.fleet import Fleet
from remote.kubernetes import Kubernetes
from remote.redaction import Redactor
from remote.replay import Replay, ReplayedApi, ReplayedFleet
from remote.transcript import Transcript
from reports.run_folder import RunFolder

FOLDER = Path(__file__).parents[1] / "proofs"
HOSTS = {"npu": "atlas01", "gpu": "atlas-gpu01", "infrastructure": "atlas02"}
LAYERS = {"npu": ["every", "npu"], "gpu": ["every", "gpu"], "infrastructure": ["every", "npu", "infrastructure"]}
VERDICTS = {"pass": Verdict.PASS, "fail": Verdict.FAIL, "unknown": Verdict.UNKNOWN}


BROKE = "the suite itself broke"  # how the engine begins its message of an exception that is no verdict


class ProofError(Exception):
    """A proof that proves nothing: it is written wrongly, or it does not fit the check."""


class NetworkTouched(Exception):
    """A check went out to the network."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a command is answered. `says` is what the message must hold where the case does not say it."""

    out: str = ""
    err: str = ""
    rc: int | None = 0
    says: str = ""
    truncated: bool = False
    lost: bool = False
    edits: Mapping[str, str] = field(default_factory=dict)
    """What is otherwise in what a healthy host answers: text to text."""

    def to(self, host: str, command: str) -> Answer:
        """The answer, or LinkLost."""
        if self.lost:
            raise LinkLost(f"{host}: link lost after 0.0 s, waiting for: {command}")
        err = self.err.format(tool=command.split()[0])
        return Answer(command, self.rc, self.out.encode(), err.encode(), 0.0, self.rc is None, self.truncated)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a check. The fields after `answers` may be keys of the case in its file."""

    check: Check
    verdict: Verdict
    answers: Mapping[str, Given]
    host: str = ""
    """npu, gpu or infrastructure: the host judged, by default the first of these that the check speaks of."""
    says: str = ""
    """Text that the message must hold."""
    suite: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the section `suite` of the configuration."""
    kube: Mapping[str, Any] = field(default_factory=dict)
    """What the Kubernetes API has otherwise than that of a healthy cluster (`proof_api`)."""
    elsewhere: Mapping[str, Mapping[str, Given]] = field(default_factory=dict)
    """What other hosts answer, for a check of the whole cluster."""
    down: Sequence[str] = ()
    """Hosts whose SSH port does not answer the control host."""
    user: str = "root"
    """Who the run is logged in as."""
    login: str = ""
    """How a further login ends: accepted, refused or unreachable."""
    rewritten: Mapping[str, str] | None = field(default_factory=dict)
    """What was replaced in config.yaml since the run began; null: the file is gone."""
    lock: str | None = ""
    """The lock file of the libraries; null: there is none."""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Libraries that are installed, with their versions."""

    def __str__(self) -> str:
        return f"{self.check.id}-{self.verdict.lower()}"


class _Loader(yaml.SafeLoader):
    """YAML with the tags of `Given`."""


def _tag(name: str, given: Callable[[str], Given]) -> None:
    def construct(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Given:
        return given(str(loader.construct_scalar(node)))

    _Loader.add_constructor(name, construct)


MISSING = Given(rc=127, err="/bin/sh: 1: {tool}: not found", says="tool missing")
TIMEOUT = Given(rc=None, says="stopped after")
LOST = Given(lost=True, says="link lost")
CUT = Given(truncated=True, says="output cut off")
BROKEN = Given(rc=99, err="{tool}: internal error", says="exit status 99")
NO_FILE = Given(rc=1, err="{tool}: cannot be opened: No such file or directory")
_Loader.add_constructor("!edited", lambda loader, node: Given(edits=loader.construct_mapping(node)))
_tag("!missing", lambda _: MISSING)
_tag("!timeout", lambda _: TIMEOUT)
_tag("!lost", lambda _: LOST)
_tag("!no_file", lambda _: NO_FILE)
_tag("!cut", lambda text: replace(CUT, out=text))
_tag("!error", lambda text: Given(rc=1, err=literal(text)))


def literal(text: str) -> str:
    """Text in which `Given.to` fills in nothing."""
    return text.replace("{", "{{").replace("}", "}}")


def read(path: Path) -> Any:
    """The YAML of one file; a key that stands twice is an error, as the first would be lost."""
    loader = _Loader(path.read_text(encoding="utf-8"))
    loader.name = path.name
    node = loader.get_single_node()
    for mapping in _mappings(node):
        keys = [key.value for key, _ in mapping.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ProofError(f"{path.name}: twice: {', '.join(sorted(twice))}")
    return loader.construct_document(node)


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mappings(item)


def written(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """By check id, what the files of the folder hold. ProofError for an id in two files, or a verdict that is none."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.yaml")):
        for id, proofs in read(path).items() if path.name != "cluster.yaml" else ():
            if id in found:
                raise ProofError(f"{path.name}: {id} stands in another file too")
            if not isinstance(proofs, dict) or set(proofs) - set(VERDICTS):
                raise ProofError(f"{path.name}: {id} may hold {', '.join(VERDICTS)}")
            found[id] = proofs
    return found


def gaps(checks: Mapping[str, Check], proofs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is missing: a case of each verdict for each check, and of pass on each of its kinds of host."""
    missing = [f"{id}: no check has this id" for id in proofs if id not in checks]
    for id, check in checks.items():
        told = proofs.get(id, {})
        missing += [f"{id}: no case of {word} in tests/proofs/{id}.yaml" for word in VERDICTS if not told.get(word)]
        if passing := {case.host for case in cases(check, {"pass": told.get("pass", [])})}:
            missing += [f"{id}: no case of pass on {host}" for host in sorted(hosts_of(check) - passing)]
    return missing


def cases(check: Check, proofs: Mapping[str, Sequence[Any]]) -> list[Case]:
    """The cases of a check. ProofError for one that does not say what its message must hold."""
    return [case for word, items in proofs.items() for item in items for case in _cases(check, VERDICTS[word], item)]


def _cases(check: Check, verdict: Verdict, item: Any) -> Iterator[Case]:
    hosts = sorted(hosts_of(check), key=[*HOSTS, ""].index)
    if item == "healthy":
        yield from (Case(check, verdict, {}, host) for host in hosts)
        return
    names = {f.name for f in fields(Case)} - {"check", "verdict", "answers"}
    known = {name: value for name, value in item.items() if name in names}
    answers = {command: given(answer) for command, answer in item.items() if command not in names}
    known["elsewhere"] = {
        name: {command: given(answer) for command, answer in told.items()}
        for name, told in known.get("elsewhere", {}).items()
    }
    known.setdefault("host", hosts[0])
    told = [*answers.values(), *(a for told in known["elsewhere"].values() for a in told.values())]
    known.setdefault("says", next((answer.says for answer in told if answer.says), ""))
    if verdict is not Verdict.PASS and not known["says"]:
        raise ProofError(f"{check.id}: a case of {verdict} must say what the message holds: {item}")
    yield Case(check, verdict, answers, **known)


def given(answer: Any) -> Given:
    """An answer as the files write it: a text, a number, a tag, or {out, err, rc}."""
    if isinstance(answer, Given):
        return answer
    if isinstance(answer, dict):
        return Given(**{**answer, "err": literal(str(answer.get("err", "")))})
    text = str(answer)
    return Given(text if not text or text.endswith("\n") else text + "\n")


def hosts_of(check: Check) -> set[str]:
    """The kinds of host that a check speaks of; "" for the control host and the whole cluster."""
    found = set(check.on(example()))
    return {kind for kind, name in HOSTS.items() if example().node(name) in found} or {""}


@cache
def example() -> Cluster:
    """The cluster of the proofs, as it is written."""
    return load(FOLDER / "cluster.yaml", resolve=_no_network)


@cache
def healthy(layer: str) -> dict[str, Given]:
    """What healthy hosts answer."""
    return {command: given(answer) for command, answer in read(FOLDER / "healthy" / f"{layer}.yaml").items()}


@cache
def healthy_api() -> Any:
    """What the API of a healthy cluster answers."""
    return read(FOLDER / "healthy" / "kubernetes.yaml")


class Answering(Connection):
    """A host that answers what the case gives, and otherwise what a healthy one does."""

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
        told = self._given[key]
        if told.edits:
            told = replace(self._usual[command], out=edited(self._usual[command].out, told.edits))
        return told.to(self.host, command)

    def send(self, command: str, *, token: str, stdin: bytes = b"", deadline: float) -> NoReturn:
        raise ProofError(f"{self.host}: a check must change nothing: {command}")

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


def edited(text: str, edits: Mapping[str, str]) -> str:
    """The text with each of the replacements made; ProofError where there is nothing to replace."""
    for old, new in edits.items():
        if old not in text:
            raise ProofError(f"a healthy host does not answer {old!r}")
        text = text.replace(old, new)
    return text


def carry_out(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> Proof:
    """Judge the check on the case's host; ProofError when an answer of the case was not asked for."""
    api = RecordedApi(healthy_api(), case.kube)
    hosts, proof = _judged(case, _cluster(case, folder), patch, {}, api)
    answering = {**hosts, "kubernetes": api}
    if unasked := [f"{name}: {key}" for name, those in answering.items() for key in sorted(those.unasked)]:
        raise ProofError(f"{case}: the check does not ask {'; '.join(unasked)}")
    return proof


def spoil(
    case: Case, folder: Path, patch: pytest.MonkeyPatch, failures: Sequence[Given]
) -> Iterator[tuple[Given, str, Proof]]:
    """Each failure, each command that the check asks in this case, and what it comes to when that meets this."""
    cluster = _cluster(case, folder)
    hosts, _ = _judged(case, cluster, patch, {})
    asked = [(name, command) for name, host in hosts.items() for command in dict.fromkeys(host.asked)]
    for failure, (name, command) in itertools.product(failures, asked):
        yield failure, command, _judged(case, cluster, patch, {name: {command: failure}})[1]


def spoil_api(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[Broken, str, Proof]]:
    """Each way in which a request can fail, each request of the check in this case, and what it comes to."""
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
) -> tuple[dict[str, Answering], Proof]:
    folder = cluster.path.parent
    hosts = _hosts(case, cluster, failing)
    patch.setattr(socket.socket, "connect", _no_network)
    patch.setattr(socket, "getaddrinfo", _no_network)
    patch.setattr(fixtures.site, "open_ssh", _logins(case))
    _libraries(case, folder, patch)
    fleet = Fleet(cluster.nodes, lambda node: hosts[node.name], Transcript(folder / "evidence", Redactor([])),
                  open_control=lambda: hosts["control"])  # fmt: skip
    context = _context(folder)
    patch.setattr(fixtures.site, "_answers", lambda node: node.name not in {HOSTS[kind] for kind in case.down})
    server = api or RecordedApi(healthy_api(), case.kube)
    site = Site(cluster, context, fleet, Waivers(), lambda label, text: None, server)
    target = case.check.target_for(_target(case, cluster), cluster)
    if target is None:
        raise ProofError(f"{case}: the check does not speak of {case.host}")
    with site.judging("proof") as evidence:
        proof = judge(site, case.check, target)
    fleet.close()
    (folder / "judged_by").write_text("\n".join(evidence))
    if BROKE in proof.message:
        raise ProofError(proof.message)
    return hosts, proof


def judge_again(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Proof, Proof]:
    """The proof of a case, and what comes of a replay of its evidence without the cluster's files and hosts."""
    first = carry_out(case, folder, patch)
    cluster = _cluster(case, folder)
    inputs.save(RunFolder(folder), Inputs(cluster, Waivers(), whole=True))
    told = inputs.load(RunFolder(folder))
    assert told
    cluster.path.unlink(missing_ok=True)
    (folder / "pod-network.yml").unlink()
    judged_by = {"proof": (folder / "judged_by").read_text().split("\n")}
    replay = Replay(folder / "evidence", judged_by, Transcript(folder / "again", Redactor([])))
    api, fleet = ReplayedApi(replay), ReplayedFleet(told.cluster.nodes, replay)
    site = Site(told.cluster, _context(folder), fleet, Waivers(), lambda label, text: None, api,
                _kube=Kubernetes(api, api))  # fmt: skip
    target = case.check.target_for(_target(case, told.cluster), told.cluster)
    assert target
    with site.judging("proof"):
        return first, judge(site, case.check, target)


def _context(folder: Path) -> Context:
    return Context(run="proof", folder=folder, resumed=None, command="verify", plan=False, strict=False,
                   root_user="root", root_password=None)  # fmt: skip


def _cluster(case: Case, folder: Path) -> Cluster:
    path = folder / "config.yaml"
    text = (FOLDER / "cluster.yaml").read_text()
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(text), {"suite": case.suite})) if case.suite else text)
    shutil.copy(FOLDER / "pod-network.yml", folder)
    path.chmod(0o600)
    cluster = load(path, resolve=_no_network)
    if case.rewritten is None:
        path.unlink()
    for old, new in (case.rewritten or {}).items():
        if old not in path.read_text():
            raise ProofError(f"{case}: config.yaml holds no {old}")
        path.write_text(path.read_text().replace(old, new))
    return cluster


def _hosts(case: Case, cluster: Cluster, failing: Mapping[str, Mapping[str, Given]]) -> dict[str, Answering]:
    hosts = {}
    for kind, name in HOSTS.items():
        own = case.answers if kind == case.host else case.elsewhere.get(kind, {})
        usual = {command: answer for layer in LAYERS[kind] for command, answer in healthy(layer).items()}
        user = case.user if kind == case.host else "root"
        hosts[name] = Answering(name, user, {**own, **failing.get(name, {})}, usual)
    own, usual = (
        {command.replace("STATE", str(cluster.state)): answer for command, answer in answers.items()}
        for answers in ({} if case.host else case.answers, healthy("control"))
    )
    hosts["control"] = Answering("control", "root", {**own, **failing.get("control", {})}, usual)
    return hosts


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
        return _no_network()

    return open_ssh


def _libraries(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> None:
    lock = folder / "requirements.lock"
    if case.lock:
        lock.write_text(case.lock)
    if case.lock != "" or case.installed:
        patch.setattr(control, "LOCK", lock)
    for name, version in case.installed.items():
        metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(exist_ok=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    patch.syspath_prepend(folder)


def _no_network(*_: Any, **__: Any) -> NoReturn:
    raise NetworkTouched("a proof must not touch the network")
