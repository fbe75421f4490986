"""Proofs of the checks: the answers of a host, and the verdict that a check must reach with them.

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

QUICK = yaml.CSafeLoader  # libyaml's parser, as every worker reads the 9,000 lines of proofs
FOLDER = Path(__file__).parents[1] / "proofs"
HEALTHY = FOLDER / "healthy"
"""The cluster of the proofs, and the answers of its hosts and its API when healthy."""
BESIDE = ("pod-network.yml", "k8s.asc")
"""The files of HEALTHY that lie beside the configuration."""
HOSTS = {"npu": "atlas01", "gpu": "atlas-gpu01", "infrastructure": "atlas02"}
LAYERS = {"npu": ["every", "npu"], "gpu": ["every", "gpu"], "infrastructure": ["every", "npu", "infrastructure"]}
NEEDED = {"pass": Verdict.PASS, "fail": Verdict.FAIL, "unknown": Verdict.UNKNOWN}
VERDICTS = {**NEEDED, "n/a": Verdict.NA}


class ProofError(Exception):
    """A proof that proves nothing, because it is malformed or does not match the check."""


class NetworkTouched(Exception):
    """A check tried to access the network."""


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a command. `says` is the default for the text that the message must contain."""

    out: str = ""
    err: str = ""
    rc: int | None = 0
    says: str = ""
    truncated: bool = False
    lost: bool = False
    edits: Mapping[str, str] = field(default_factory=dict)
    """Replacements in the answer of a healthy host: old text to new text."""

    def to(self, host: str, command: str) -> Answer:
        """The answer to a command. Raises LinkLost if the case says so."""
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
    """The host judged: npu, gpu or infrastructure, by default the first to which the check applies."""
    says: str = ""
    """Text that the message must contain."""
    suite: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the section `suite` of the configuration."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the configuration outside `suite`."""
    kube: Mapping[str, Any] = field(default_factory=dict)
    """Changes to the objects of a healthy cluster (`proof_api`)."""
    elsewhere: Mapping[str, Mapping[str, Given]] = field(default_factory=dict)
    """The answers of other hosts, for a check of the whole cluster."""
    earlier: Mapping[str, Given] = field(default_factory=dict)
    """The host's answers in an earlier run that differ from those of a healthy host."""
    down: Sequence[str] = ()
    """Hosts that the control host cannot reach."""
    user: str = "root"
    """The user that the run is logged in as."""
    login: str = ""
    """How a further login ends: accepted, refused or unreachable."""
    rewritten: Mapping[str, str] | None = field(default_factory=dict)
    """Replacements made in config.yaml since the run began; null: the file was removed."""
    spoilt: Mapping[str, str | None] = field(default_factory=dict)
    """Files beside config.yaml (in `checkout/` or `state/`) with other content; null: the file was removed."""
    content: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with a file of suite.content, by the beginning of its name: missing, cut or lacking in the lock."""
    lock: str | None = ""
    """The lock file of the libraries; null: there is none."""
    installed: Mapping[str, str] = field(default_factory=dict)
    """The installed libraries, with their versions."""

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
    """Text escaped so that `Given.to` does not substitute anything in it."""
    return text.replace("{", "{{").replace("}", "}}")


def read(path: Path) -> Any:
    """The content of a YAML file. Raises ProofError for duplicate keys, of which YAML would ignore the first."""
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
    """The proofs in a folder by check id. Raises ProofError for an id in two files, or an unknown verdict."""
    by_check: dict[str, dict[str, Any]] = {}
    for path in files(folder):
        for id, proofs in read(path).items():
            if id in by_check:
                raise ProofError(f"{path.name}: {id} is also in another file")
            if not isinstance(proofs, dict) or set(proofs) - set(VERDICTS):
                raise ProofError(f"{path.name}: {id} may only have {', '.join(VERDICTS)}")
            by_check[id] = proofs
    return by_check


def gaps(checks: Mapping[str, Check], proofs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The missing cases: one of each verdict for each check, and one of pass on each of its kinds of host."""
    missing = [f"{id}: no check has this id" for id in proofs if id not in checks]
    for id, check in checks.items():
        written = proofs.get(id, {})
        place = file_of(check).relative_to(FOLDER.parents[1])
        missing += [f"{id}: no case of {word} in {place}" for word in NEEDED if not written.get(word)]
        if passing := {case.host for case in cases(check, {"pass": written.get("pass", [])})}:
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
    values = {name: value for name, value in item.items() if name in names}
    answers = {command: given(answer) for command, answer in item.items() if command not in names}
    values["elsewhere"] = {
        name: {command: given(answer) for command, answer in other.items()}
        for name, other in values.get("elsewhere", {}).items()
    }
    values["earlier"] = {command: given(answer) for command, answer in values.get("earlier", {}).items()}
    values.setdefault("host", hosts[0])
    if wrong := ", ".join(sorted({values["host"], *values["elsewhere"], *values.get("down", ())} - {*HOSTS, ""})):
        raise ProofError(f"{check.id}: kinds of host are {', '.join(HOSTS)}, not {wrong}")
    every = [*answers.values(), *(a for other in values["elsewhere"].values() for a in other.values())]
    values.setdefault("says", next((answer.says for answer in every if answer.says), ""))
    if verdict is not Verdict.PASS and not values["says"]:
        raise ProofError(f"{check.id}: a case of {verdict} must say what the message holds: {item}")
    yield Case(check, verdict, answers, **values)


def given(answer: Any) -> Given:
    """An answer as written in the files: a text, a number, a tag, or {out, err, rc}."""
    if isinstance(answer, Given):
        return answer
    if isinstance(answer, dict):
        return Given(**{**answer, "err": literal(str(answer.get("err", "")))})
    text = str(answer)
    return Given(text if not text or text.endswith("\n") else text + "\n")


def hosts_of(check: Check) -> set[str]:
    """The kinds of host to which a check applies; {""} for the control host and the whole cluster."""
    targets = {target for cluster in (example(), without_a_network()) for target in check.on(cluster)}
    return {kind for kind, name in HOSTS.items() if example().node(name) in targets} or {""}


@cache
def example() -> Cluster:
    """The cluster of the proofs, unmodified."""
    return loaded((HEALTHY / "cluster.yaml").read_text())


@cache
def without_a_network() -> Cluster:
    """The same where the install takes everything from suite.content, and hosts from a seed."""
    offline = "suite:\n  content: content\n  seeds: {atlas01: ['*']}\n"
    return loaded((HEALTHY / "cluster.yaml").read_text().replace("suite:\n", offline))


@cache
def healthy(layer: str) -> dict[str, Given]:
    """The answers of healthy hosts, by command."""
    return {command: given(answer) for command, answer in read(HEALTHY / f"{layer}.yaml").items()}


@cache
def with_platform(kind: str) -> dict[str, Given]:
    """The answers of a healthy host, by command, including those for the platform's checks."""
    made = proof_platform.host_answers(example(), example().node(HOSTS[kind]))
    return {command: given(answer) for command, answer in made.items()}


@cache
def healthy_api() -> Any:
    """The recorded API of a healthy cluster."""
    return proof_platform.with_platform(read(HEALTHY / "kubernetes.yaml"), example())


RECORDS = {
    "atlas01.sigsus.cn": "192.168.3.6",
    "atlas02.sigsus.cn": "192.168.3.2",
    "atlas-gpu01.sigsus.cn": "192.168.3.4",
}


@cache
def loaded(text: str) -> Cluster:
    """The cluster of a configuration, cached because loading takes longer than judging and many cases share one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        path.chmod(0o600)
        for name in BESIDE:
            shutil.copy(HEALTHY / name, folder)
        (Path(folder) / "checkout").symlink_to(CHECKOUT)
        return load(path, resolve=records)


def records(name: str) -> list[str]:
    """The A records of the proofs' hosts, where a case has them by DNS. Raises NetworkTouched for any other name."""
    return [RECORDS[name]] if name in RECORDS else no_network(name)


def no_network(*_: Any, **__: Any) -> NoReturn:
    """Replaces functions that access the network. Raises NetworkTouched."""
    raise NetworkTouched("a proof must not touch the network")
