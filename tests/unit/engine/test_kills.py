"""Kills at random moments: a few rounds here, thousands in `make long`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import kills
from tests.faults.kills import Round
from tests.kits.project import Project


def test_nothing_is_lost_when_anything_is_killed(tmp_path: Path) -> None:
    tally = kills.play(1, 2, 2, tmp_path)
    assert tally.faults == {}
    assert tally.strikes.total() > 0


@pytest.fixture
def audited(tmp_path: Path) -> Project:
    """A run in which nothing was killed, and all is well."""
    made = Project(tmp_path, hosts=kills.HOSTS[:1], checks=kills.CHECKS)
    made.on("a1", "big", kills.CONTENT)
    for number in range(kills.TASKS):
        made.on("a1", f"done-{number}")
    assert made.run("-m", "verify").status == 0
    return made


def forged(made: Project, before: str, after: str) -> None:
    ledger = made.folder / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace(before, after))


Spoil = Callable[[Project], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "half a file": (lambda made: made.on("a1", "big", kills.CONTENT[:-1]), "half a file on a1"),
    "a change twice": (lambda made: made.on("a1", "acts", "t1\nt1\n"), "2 times on a1: t1"),
    "half a report": (lambda made: (made.folder / "junit.xml").write_text("<a>"), "junit.xml is half"),
    "a red result": (lambda made: forged(made, '"verdict": "PASS"', '"verdict": "FAIL"'), "ended in 0 with"),
    "a lost result": (lambda made: forged(made, '"not_run": []', '"not_run": ["x"]') or drop(made), "ended in 0 with"),
    "no end": (lambda made: forged(made, '"event": "end"', '"event": "en'), "no end in the ledger"),
}


def drop(made: Project) -> None:
    lines = (made.folder / "ledger.jsonl").read_text().splitlines(keepends=True)
    (made.folder / "ledger.jsonl").write_text("".join([lines[0], *lines[2:]]))


@pytest.mark.parametrize(("spoil", "found"), SPOILT.values(), ids=SPOILT)
def test_the_loop_sees_what_does_not_hold(
    spoil: Spoil, found: str, audited: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kills, "HOSTS", kills.HOSTS[:1])
    played = replace(Round(1, audited.path), status=0)
    assert list(kills.faults_of(played, audited)) == []
    spoil(audited)
    assert found in " ".join(kills.faults_of(played, audited))
