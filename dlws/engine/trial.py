"""Trials: a check judged on answers that somebody pasted, without a cluster and a network (`dlws checks try`)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlws.config.cluster import Cluster, load
from dlws.config.finding import ConfigError, errors
from dlws.engine.arguments import parameters
from dlws.engine.check import Check
from dlws.engine.proving import judge
from dlws.engine.site import Context, Site
from dlws.engine.targets import CONTROL, WHOLE
from dlws.engine.waivers import Waivers
from dlws.inventory import Node, Role, Target
from dlws.parse.pasted import Answers
from dlws.record.answer import Unreachable
from dlws.record.evidence import Transcript
from dlws.record.ledger import Proof
from dlws.record.redaction import Redactor
from dlws.remote.connection import Connection
from dlws.remote.fleet import Fleet
from dlws.remote.pasted import RAW, PastedAnswers, PastedApi, PastedHost

API = "kubernetes"
"""Under which name a session has the answers of the API."""
ANSWERABLE = {"cluster", "host", "hosts", "kube", "master", "node"}
"""What a check may ask for in a trial. The rest needs a run: an earlier audit, a second login, this machine."""
CLUSTER = """\
cluster_name: trial
network: {domain: example.com}
UserGroups: {}
mysql_password: unheard-of
useclusterfile: true
admin_username: dlwsadmin
k8s-gitbranch: v1.20.2
onpremise_cluster: {gpu_count_per_node: 8}
machines:
  master: {role: infrastructure, type: npu, vendor: huawei, archtype: arm64, private-ip: 192.0.2.1}
  npu: {role: worker, type: npu, vendor: huawei, archtype: arm64, private-ip: 192.0.2.2}
  npu2: {role: worker, type: npu, vendor: huawei, archtype: arm64, private-ip: 192.0.2.3}
  gpu: {role: worker, type: gpu, vendor: nvidia, archtype: amd64, private-ip: 192.0.2.4}
  cpu: {role: worker, type: cpu, archtype: amd64, private-ip: 192.0.2.5}
"""
"""The cluster of a trial without a configuration: one host of each kind, with eight accelerators where it has any."""


class NotTriable(Exception):
    """A check that no pasted answers can decide, or that the cluster has no host for; the message says which."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial.

    `missing` are the commands, by host, to which the check wants an answer; where there are any, the verdict says
    nothing. `unused` are pasted answers that the check did not ask for.
    """

    host: str
    proof: Proof
    missing: Mapping[str, Sequence[str]]
    unused: Mapping[str, Sequence[str]]


def trial_cluster(path: Path | None = None, settings: str = "") -> Cluster:
    """The cluster at `path`, or that of `CLUSTER` with further lines of YAML; asks no DNS.

    Raises ConfigError, and NotTriable for lines that do not fit `CLUSTER`: of its own file nobody has heard.
    """
    if path is not None:
        return load(path, resolve=lambda name: ())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(CLUSTER + settings, encoding="utf-8")
        try:
            return load(file, resolve=lambda name: ())
        except ConfigError as error:
            wrong = (f"{found.key or 'suite'}: {found.message} ({found.fix})" for found in errors(error.findings))
            raise NotTriable("; ".join(wrong)) from error


def tried(check: Check, cluster: Cluster, pasted: Mapping[str, Answers], host: str | None = None) -> Trial:
    """Judge a check on pasted answers, those under "" being of the host that is judged: `host`, or the first that fits.

    Where several hosts are judged together, those without answers cannot be reached. Raises NotTriable.
    """
    target = _target(check, cluster, host)
    own = pasted.get("", {})
    api = {key: answer for key, answer in own.items() if key.startswith(RAW)}
    own = {key: answer for key, answer in own.items() if key not in api}
    hosts = {name: answers for name, answers in pasted.items() if name}
    if target is WHOLE and own:
        raise NotTriable(
            f"{check.id} judges several hosts: write the name of each before its commands, `npu$ hostname`"
        )
    if unknown := sorted(hosts.keys() - {API, *(node.name for node in cluster.nodes)}):
        raise NotTriable(f"no host of {cluster.name} is named {', '.join(unknown)}")
    first = {target.name: own} if target is not WHOLE else {} if hosts else {n.name: {} for n in cluster.nodes}
    every = {**first, API: {}, **hosts}
    every[API] = {**every[API], **api}
    asked = {name: PastedAnswers(name, answers) for name, answers in every.items()}

    def open_host(node: Node) -> Connection:
        if node.name not in asked:
            raise Unreachable(f"{node.name}: no answer of this host was pasted")
        return PastedHost(asked[node.name])

    with tempfile.TemporaryDirectory() as folder:
        transcript = Transcript(Path(folder) / "evidence", Redactor([]))
        fleet = Fleet(cluster.nodes, open_host, transcript)
        site = Site(cluster, _context(Path(folder)), fleet, Waivers(), lambda label, text: None, PastedApi(asked[API]))
        with site.judging("trial"):
            proof = judge(site, check, target)
        fleet.close()
    missing = {name: answers.missing for name, answers in asked.items() if answers.missing}
    unused = {name: answers.unused for name, answers in asked.items() if answers.unused}
    return Trial(target.name, proof, missing, unused)


def _target(check: Check, cluster: Cluster, host: str | None) -> Target:
    """What is judged. A worker is preferred, for the master is a host like others only where it says so."""
    targets = list(check.on(cluster))
    if CONTROL in targets:
        raise NotTriable(f"{check.id} is about the machine that runs the suite: run it there")
    if other := sorted(set(parameters(check.function)) - ANSWERABLE):
        raise NotTriable(f"{check.id} needs more than pasted answers: {', '.join(other)}")
    if host is not None:
        targets = [target for target in targets if target.name == host]
    if WHOLE in targets:
        return WHOLE
    if not targets:
        raise NotTriable(f"{check.id} applies to no host{f' {host}' if host else ''} of {cluster.name}")
    return min(targets, key=lambda target: target.role == Role.INFRASTRUCTURE)


def _context(folder: Path) -> Context:
    return Context(
        run="trial",
        folder=folder,
        resumed=None,
        command="verify",
        plan=False,
        strict=False,
        root_user="root",
        root_password=None,
    )
