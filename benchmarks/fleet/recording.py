"""What a recorded audit knows: the answers of its hosts and of the Kubernetes API, and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlws.config.cluster import Cluster
from dlws.engine import inputs
from dlws.record import evidence
from dlws.record.answer import Answer
from dlws.record.run_folder import OUT, RunFolderError, find_run
from dlws.remote.kubernetes import NAME
from dlws.verdict import Verdict

LAB = "atlas"
WHOLE = 100  # results for each host at least, in an audit of all checks


class NotUsable(Exception):
    """This run cannot serve as the recording."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One audit of a lab or a cluster."""

    folder: Path
    cluster: Cluster
    document: Mapping[str, Any]
    """config.yaml, its secrets masked."""
    answers: Mapping[str, Mapping[str, Answer]]
    """By host and command the last answer; the API is the host "kubernetes", its commands `GET /path`."""
    verdicts: Mapping[tuple[str, str], Verdict]
    """By id of the check and host."""


def load(name: str) -> Recording:
    """The run of this name or in this folder. Raises NotUsable, RunFolderError."""
    folder = find_run(name)
    ledger = folder.read().ledger
    recorded = inputs.load(folder)
    if ledger.run.command != "verify" or ledger.run.replays or recorded is None:
        raise NotUsable(f"{folder.path} is not the record of an audit: run `pytest -m verify` on a cluster, the lab's")
    answers: dict[str, dict[str, Answer]] = {}
    for file in evidence.transcripts(folder.path):
        host = answers.setdefault(evidence.host_part(file), {})
        host |= {line.answer.command: line.answer for line in evidence.read(folder.path, file) if not line.failure}
    missing = [node.name for node in recorded.cluster.nodes if evidence.file_name(node.name) not in answers]
    if missing or NAME not in answers:
        raise NotUsable(f"{folder.path} has no answers of {', '.join(missing) or 'the Kubernetes API'}")
    verdicts = {(result.id, result.host): result.verdict for result in ledger.results}
    return Recording(folder.path, recorded.cluster, recorded.cluster.document, answers, verdicts)


def latest() -> Recording:
    """The latest whole audit of the lab. Raises NotUsable when there is none."""
    for folder in sorted((OUT / LAB).glob("*-verify"), reverse=True):
        with suppress(NotUsable, RunFolderError):
            recording = load(str(folder))
            if len(recording.verdicts) > WHOLE * len(recording.cluster.nodes):
                return recording
    raise NotUsable("no audit of the lab is in reports/out: make one with `make demo`, or name a run with --run")
