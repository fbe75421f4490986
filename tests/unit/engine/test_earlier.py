"""What earlier runs of a cluster were told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlws.record.answer import Answer
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.verdict import Unknown
from fixtures.earlier import answers_in, begun, runs_before


def told(run: Path, host: str, *answers: tuple[str, int | None, str]) -> None:
    transcript = Transcript(run / "evidence", Redactor([]))
    for command, rc, text in answers:
        transcript.append(host, Answer(command, rc, text.encode(), b"", 0.1), "read")
    transcript.close()


def test_the_last_good_answer_counts(tmp_path: Path) -> None:
    told(tmp_path, "atlas01", ("id", 0, "first"), ("id", 0, "second"), ("id", 1, "failed"), ("id", None, "timed out"))
    told(tmp_path, "atlas02", ("id", 0, "another host's"))
    assert answers_in(tmp_path, "atlas01") == {"id": "second"}


def test_runs_come_newest_first_without_replays_and_the_later(tmp_path: Path) -> None:
    names = (
        "20261124T1Z-verify",
        "20261125T1Z-install",
        "20261125T2Z-verify-replay",
        "20261126T1Z-verify",
        "20261127T1Z-x",
    )
    for name in names:
        told(tmp_path / name, "atlas01", ("id", 0, "1"))
    (tmp_path / "20261123T1Z-verify").mkdir()  # asked no host
    told(tmp_path / "20260101-by-hand", "atlas01", ("id", 0, "1"))
    assert [run.name for run in runs_before(tmp_path / names[3])] == [names[1], names[0]]


def test_a_run_began_when_its_folder_says() -> None:
    assert begun(Path("20261124T083840Z-verify")) == datetime(2026, 11, 24, 8, 38, 40, tzinfo=UTC)
    with pytest.raises(Unknown, match="by-hand: the name of a run's folder must begin with"):
        begun(Path("by-hand"))
