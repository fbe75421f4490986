"""What is known of each mutant, kept between runs, and the list of survivors that have been explained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.mutants import sources
from tests.mutants.judge import Judged
from tests.mutants.operators import Mutant, mutants_of

STORE = sources.ROOT / ".pytest_cache/mutants"
SURVIVORS = Path(__file__).with_name("survivors.yaml")
RULES = "1"
"""How mutants are placed and judged. Another number makes all results old ones."""
Identity = tuple[str, str, str, str, int]


def explained(path: Path = SURVIVORS) -> dict[Identity, str]:
    """The reasons by mutant. Raises ValueError for an entry without one, or one that is there twice."""
    found: dict[Identity, str] = {}
    for module, entries in (yaml.safe_load(path.read_text("utf-8")) or {}).items():
        for entry in entries:
            identity = (module, entry["in"], entry["before"], entry["after"], entry.get("nth", 1))
            if not entry.get("reason") or identity in found:
                raise ValueError(f"{module}: {entry['before']}: no reason, or there twice")
            found[identity] = entry["reason"]
    return found


class Results:
    """The results of one module. A mutant stays killed while the module and the killer's file are as they were."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.mutants = mutants_of(module, sources.path_of(module).read_text("utf-8"))
        self._path = STORE / f"{module}.json"
        self._source = f"{RULES} {sources.digest([sources.path_of(module)])}"
        self._judges = sources.digest(sources.judges_of(module))
        known = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
        self._known: dict[str, list[str]] = known.get("mutants", {}) if known.get("source") == self._source else {}

    def stale(self) -> list[Mutant]:
        """The mutants that must be judged (again)."""
        return [mutant for mutant in self.mutants if not self._is_fresh(mutant)]

    def note(self, judged: Judged) -> None:
        """Keep a result."""
        killer = sources.file_of_test(judged.by) if "::" in judged.by else None
        seen = sources.digest([killer]) if killer else self._judges
        self._known[_key(judged.mutant)] = [judged.outcome, judged.by, seen]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {"source": self._source, "mutants": self._known}
        new = self._path.with_suffix(".new")  # a run that is killed meanwhile leaves the results of before
        new.write_text(json.dumps(content, indent=0, ensure_ascii=False), "utf-8")
        new.replace(self._path)

    def outcome(self, mutant: Mutant) -> str:
        """Killed, survived, not run."""
        return self._known.get(_key(mutant), ["not judged"])[0]

    def _is_fresh(self, mutant: Mutant) -> bool:
        if (known := self._known.get(_key(mutant))) is None:
            return False
        _, by, seen = known
        if "::" not in by:
            return seen == self._judges
        file = sources.file_of_test(by)
        return file.exists() and seen == sources.digest([file])


def _key(mutant: Mutant) -> str:
    return json.dumps(mutant.identity, ensure_ascii=False)


def open_survivors(results: Sequence[Results], known: dict[Identity, str]) -> list[Mutant]:
    """The mutants that no test kills and nobody has explained."""
    return [
        mutant
        for result in results
        for mutant in result.mutants
        if result.outcome(mutant) in ("survived", "not run") and mutant.identity not in known
    ]
