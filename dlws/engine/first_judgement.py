"""The first judgement on a check in a run, which is the one that counts.

A check may be judged twice: by itself, and before or after that as the cause of another check's finding, perhaps in
another process. If the host changed in between, a finding could be explained by a cause that is green in the same run.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlws.engine.judgement import Judgement
from dlws.record.answer import ApiUnreachable, Unreachable
from dlws.record.evidence import Transcript, file_name
from dlws.record.ledger import Outcome
from dlws.verdict import Unknown, Verdict

TEXTS = ("what", "found", "expected", "message", "remark", "sample")


@dataclass(frozen=True, slots=True)
class FirstJudgement:
    """The notes of a run, one file for each check: `folder` is made when it is needed."""

    folder: Path
    transcript: Transcript

    def of(self, key: str, judge: Callable[[], Judgement]) -> Judgement:
        """The judgement noted for a test; if there is none, that of `judge`, which is then noted with its evidence.

        Raises Unreachable or ApiUnreachable if that is what was noted.
        """
        file = self.folder / file_name(key)
        if not file.exists():
            with self.transcript.collecting() as evidence:
                noted = self._outcome(judge)
            self._note(file, {**noted, "evidence": evidence})
        noted = json.loads(file.read_text("utf-8"))
        for reference in noted["evidence"]:
            self.transcript.use(reference)
        if "error" in noted:
            raise Unknown.kind(noted["error"])(noted["words"])
        judgement = noted["judgement"]
        outcome = Outcome(judgement["outcome"]) if judgement["outcome"] else None
        return Judgement(**{**judgement, "verdict": Verdict(judgement["verdict"]), "outcome": outcome})

    def _note(self, file: Path, noted: dict[str, Any]) -> None:
        """Write the file whole, unless another process was first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as out:
                json.dump(noted, out)
            with suppress(FileExistsError):
                file.hardlink_to(temporary)
        finally:
            Path(temporary).unlink()

    def _outcome(self, judge: Callable[[], Judgement]) -> dict[str, Any]:
        """The judgement, or the error, as JSON without secrets."""
        redact = self.transcript.redactor.text
        try:
            judgement = judge()
        except (Unreachable, ApiUnreachable) as error:
            return {"error": type(error).__name__, "words": redact(str(error))}
        texts = {name: redact(getattr(judgement, name)) for name in TEXTS}
        words = {"verdict": judgement.verdict, "outcome": judgement.outcome, "fix": judgement.fix}
        return {"judgement": {**texts, **words}}
