"""Proofs of the checks: what a host answers, and the verdict that a check must come to.

Those of checks/host/swap.py lie in tests/proofs/host/swap.yaml:

    H09:
      pass: [healthy]                  # every kind of host that the check speaks of, as tests/proofs/healthy has it
      fail:
      - cat /proc/swaps: "..."         # what a host answers otherwise than a healthy one
        says: expected none, found /dev/sda2
      unknown:
      - cat /proc/swaps: !missing      # or !timeout, !lost, !no_file, !error TEXT, !cut TEXT, {rc: 1, out: X, err: Y},
                                       # !edited {OLD: NEW}: a healthy host's answer with that replaced

A key of a case is a command, or one of the fields of `Case`. A `…` in a command stands for any text, and STATE for the
cluster's state folder. In tests/proofs/healthy a later kind of host (`LAYERS`) may edit what an earlier one answers.
A command that nobody answers, and an answer that nobody asks for, are errors of the case.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import yaml

from dlws.config.cluster import Cluster, load
from dlws.engine.check import Check
from dlws.record.answer import Answer, LinkLost
from dlws.verdict import Verdict
from tests.kits import proof_platform
from tests.kits.proof_platform import CHECKOUT

QUICK = yaml.CSafeLoader  # libyaml's parser: the proofs are 9 000 lines, read by every worker
FOLDER = Path(__file__).parents[1] / "proofs"
HEALTHY = FOLDER / "healthy"
"""The cluster of the proofs, and what its hosts and its API answer."""
HOSTS = {"npu": "atlas01", "gpu": "atlas-gpu01", "infrastructure": "atlas02"}
LAYERS = {"npu": ["every", "npu"], "gpu": ["every", "gpu"], "infrastructure": ["every", "npu", "infrastructure"]}
NEEDED = {"pass": Verdict.PASS, "fail": Verdict.FAIL, "unknown": Verdict.UNKNOWN}
VERDICTS = {**NEEDED, "n/a": Verdict.NA}


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
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the configuration outside `suite`."""
    kube: Mapping[str, Any] = field(default_factory=dict)
    """What the Kubernetes API has otherwise than that of a healthy cluster (`proof_api`)."""
    elsewhere: Mapping[str, Mapping[str, Given]] = field(default_factory=dict)
    """What other hosts answer, for a check of the whole cluster."""
    earlier: Mapping[str, Given] = field(default_factory=dict)
    """What the host answered in an earlier run, otherwise than a healthy one."""
    down: Sequence[str] = ()
    """Hosts that the control host cannot reach."""
    user: str = "root"
    """Who the run is logged in as."""
    login: str = ""
    """How a further login ends: accepted, refused or unreachable."""
    rewritten: Mapping[str, str] | None = field(default_factory=dict)
    """What was replaced in config.yaml since the run began; null: the file is gone."""
    spoilt: Mapping[str, str | None] = field(default_factory=dict)
    """Files beside config.yaml (of `checkout/` or `state/`) with another text; null: the file is gone."""
    lock: str | None = ""
    """The lock file of the libraries; null: there is none."""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Libraries that are installed, with their versions."""

    def __str__(self) -> str:
        return f"{self.check.id}-{self.verdict.lower()}"


class _Loader(QUICK):
    """YAML with the tags of `Given`."""


def _tag(name: str, given: Callable[[str], Given]) -> None:
    def construct(loader: QUICK, node: yaml.ScalarNode) -> Given:
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
    with path.open(encoding="utf-8") as text:
        loader = _Loader(text)
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


def files(folder: Path = FOLDER) -> list[Path]:
    """The files of proofs below a folder."""
    return sorted(path for path in folder.rglob("*.yaml") if path.parent != HEALTHY)


def file_of(check: Check) -> Path:
    """Where the proofs of a check belong: tests/proofs/host/swap.yaml for a check of checks/host/swap.py."""
    return FOLDER.joinpath(*check.function.__module__.split(".")[1:]).with_suffix(".yaml")


def written(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """By check id, what the files of the folder hold. ProofError for an id in two files, or a verdict that is none."""
    found: dict[str, dict[str, Any]] = {}
    for path in files(folder):
        for id, proofs in read(path).items():
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
        place = file_of(check).relative_to(FOLDER.parents[1])
        missing += [f"{id}: no case of {word} in {place}" for word in NEEDED if not told.get(word)]
        if passing := {case.host for case in cases(check, {"pass": told.get("pass", [])})}:
            missing += [f"{id}: no case of pass on {host}" for host in sorted(hosts_of(check) - passing)]
    return missing


def cases(check: Check, proofs: Mapping[str, Sequence[Any]]) -> list[Case]:
    """The cases of a check. ProofError for a verdict or host that there is not, or a case that `says` nothing."""
    if wrong := ", ".join(proofs.keys() - VERDICTS.keys()):
        raise ProofError(f"{check.id}: cases are of {', '.join(VERDICTS)}, not of {wrong}")
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
    known["earlier"] = {command: given(answer) for command, answer in known.get("earlier", {}).items()}
    known.setdefault("host", hosts[0])
    if wrong := ", ".join(sorted({known["host"], *known["elsewhere"], *known.get("down", ())} - {*HOSTS, ""})):
        raise ProofError(f"{check.id}: kinds of host are {', '.join(HOSTS)}, not {wrong}")
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
    return loaded((HEALTHY / "cluster.yaml").read_text())


@cache
def healthy(layer: str) -> dict[str, Given]:
    """What healthy hosts answer."""
    return {command: given(answer) for command, answer in read(HEALTHY / f"{layer}.yaml").items()}


@cache
def with_platform(kind: str) -> dict[str, Given]:
    """What a healthy host of a kind answers to the checks of the platform."""
    made = proof_platform.host_answers(example(), example().node(HOSTS[kind]))
    return {command: given(answer) for command, answer in made.items()}


@cache
def healthy_api() -> Any:
    """What the API of a healthy cluster answers."""
    return proof_platform.with_platform(read(HEALTHY / "kubernetes.yaml"), example())


@cache
def loaded(text: str) -> Cluster:
    """The cluster of a configuration: hundreds of cases share a few, and loading takes longer than judging."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        path.chmod(0o600)
        shutil.copy(HEALTHY / "pod-network.yml", folder)
        (Path(folder) / "checkout").symlink_to(CHECKOUT)
        return load(path, resolve=no_network)


def no_network(*_: Any, **__: Any) -> NoReturn:
    """Stands where the network was."""
    raise NetworkTouched("a proof must not touch the network")
