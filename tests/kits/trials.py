"""Trials of the checks: pasted answers with the verdict that they must come to, as `dlws checks try` judges them.

A case is a file of tests/data/trials, `G14.FAIL.all-links-of-a-module-are-inactive.txt`: a session as a user pastes
it. Its first lines may say, behind `#`, what the command line would (`host: gpu`, `devices: 16`), and what the finding
holds (`says: GPU 1 link 0`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from checks.catalogue import declared
from dlws.engine.trial import Trial, trial_cluster, tried
from dlws.parse import pasted
from fixtures import plugin as _arguments  # noqa: F401  registers what a check may ask for

FOLDER = Path(__file__).parents[1] / "data" / "trials"
_SAID = re.compile(r"# (host|devices|says): (.+)")


@dataclass(frozen=True, slots=True)
class TrialCase:
    """One case: the check, the verdict, and the session."""

    id: str
    verdict: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.id}-{self.verdict}-{self.title}"

    def said(self, key: str) -> str:
        """What a first line says; empty if none does."""
        return next((said[2] for said in map(_SAID.fullmatch, self.text.splitlines()) if said and said[1] == key), "")


def cases(folder: Path = FOLDER) -> list[TrialCase]:
    """The cases in a folder."""
    return [TrialCase(*path.name.split(".")[:3], path.read_text("utf-8")) for path in sorted(folder.glob("*.txt"))]


def carried_out(case: TrialCase) -> Trial:
    """What came of a case."""
    count = case.said("devices")
    settings = f"suite: {{devices: {{npu: {count}, npu2: {count}, gpu: {count}}}}}\n" if count else ""
    return tried(declared()[case.id], trial_cluster(None, settings), pasted.read(case.text), case.said("host") or None)
