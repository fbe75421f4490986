"""The first judgement on a check in a run, which is the one that counts.

A check may be judged twice: by itself, and before or after that as the cause of another check's finding, perhaps in
another process. If the host changed in between, a finding could be explained by a cause that is green in the same run.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dlws.engine.judgement import TEXTS, Judgement
from dlws.record.answer import ApiUnreachable, Unreachable
from dlws.record.evidence import Transcript, file_name
from dlws.record.ledger import Outcome
from dlws.verdict import Unknown, Verdict


@dataclass(frozen=True, slots=True)
class Noted:
    """A judgement, or the Unreachable or ApiUnreachable that was raised instead, and the evidence that it used."""

    judgement: Judgement | Unknown
    evidence: tuple[str, ...]


class Store(Protocol):
    """Where the first judgements of a run are kept."""

    def get(self, key: str) -> Noted | None:
        """What is noted for a test."""

    def keep(self, key: str, noted: Noted) -> Noted:
        """Note it, unless there was something first; returns what counts."""


@dataclass(frozen=True, slots=True)
class FirstJudgement:
    """The first judgements of a run."""

    store: Store
    transcript: Transcript

    def of(self, key: str, judge: Callable[[], Judgement]) -> Judgement:
        """The judgement noted for a test; if there is none, that of `judge`, which is then noted with its evidence.

        Raises Unreachable or ApiUnreachable if that is what was noted.
        """
        noted = self.store.get(key)
        if noted is None:
            with self.transcript.collecting() as evidence:
                judgement = _outcome(judge)
            noted = self.store.keep(key, Noted(judgement, tuple(evidence)))
        for reference in noted.evidence:
            self.transcript.use(reference)
        if isinstance(noted.judgement, Judgement):
            return noted.judgement
        raise noted.judgement.again()


class InMemory:
    """The store of a run of one process."""

    def __init__(self) -> None:
        self._noted: dict[str, Noted] = {}

    def get(self, key: str) -> Noted | None:
        """See `Store.get`."""
        return self._noted.get(key)

    def keep(self, key: str, noted: Noted) -> Noted:
        """See `Store.keep`."""
        return self._noted.setdefault(key, noted)


@dataclass(frozen=True, slots=True)
class InFiles:
    """The store of a run of several processes, one file for each check: `folder` is made when it is needed."""

    folder: Path
    redact: Callable[[str], str]

    def get(self, key: str) -> Noted | None:
        """See `Store.get`."""
        file = self.folder / file_name(key)
        return _read(json.loads(file.read_text("utf-8"))) if file.exists() else None

    def keep(self, key: str, noted: Noted) -> Noted:
        """See `Store.keep`. The file is written whole, without secrets."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / file_name(key)
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as out:
                json.dump(self._written(noted), out)
            with suppress(FileExistsError):
                file.hardlink_to(temporary)
        finally:
            Path(temporary).unlink()
        return _read(json.loads(file.read_text("utf-8")))

    def _written(self, noted: Noted) -> dict[str, Any]:
        said = noted.judgement
        if isinstance(said, Unknown):
            return {"error": type(said).__name__, "words": self.redact(str(said)), "evidence": noted.evidence}
        texts = {name: self.redact(getattr(said, name)) for name in TEXTS}
        words = {"verdict": said.verdict, "outcome": said.outcome, "fix": said.fix}
        return {"judgement": {**texts, **words}, "evidence": noted.evidence}


def _read(noted: Mapping[str, Any]) -> Noted:
    evidence = tuple(noted["evidence"])
    if "error" in noted:
        return Noted(Unknown.kind(noted["error"])(noted["words"]), evidence)
    said = noted["judgement"]
    outcome = Outcome(said["outcome"]) if said["outcome"] else None
    return Noted(Judgement(**{**said, "verdict": Verdict(said["verdict"]), "outcome": outcome}), evidence)


def _outcome(judge: Callable[[], Judgement]) -> Judgement | Unknown:
    try:
        return judge()
    except (Unreachable, ApiUnreachable) as error:
        return error.again()
