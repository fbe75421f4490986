"""The evidence: what was asked and answered, redacted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from dlws.record.answer import Answer, LinkLost
from dlws.record.evidence import Transcript, read
from dlws.record.redaction import Redactor

CANARY = "c4nary-Pa55"


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "evidence", Redactor([CANARY]), "gw0")


def answers(transcript: Transcript) -> list[Answer]:
    return [line.answer for line in read(transcript.folder.parent, "atlas01.gw0.jsonl")]


def test_a_line_holds_the_whole_story(transcript: Transcript) -> None:
    assert transcript.record("atlas01", Answer("uptime", 0, b"up\n", b"", 0.25), "read") == "atlas01.gw0.jsonl#1"
    line = json.loads((transcript.folder / "atlas01.gw0.jsonl").read_text())
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "n": 1,
        "kind": "read",
        "command": "uptime",
        "rc": 0,
        "out": "up\n",
        "err": "",
        "seconds": 0.25,
        "timed_out": False,
        "truncated": False,
    }


def test_secrets_never_reach_the_file(transcript: Transcript) -> None:
    answer = Answer(f"echo {CANARY}", 1, f"\xff {CANARY}".encode("latin1"), f"no {CANARY}".encode(), 0.1)
    transcript.record("atlas01", answer, "change")
    transcript.close()
    assert CANARY.encode() not in (transcript.folder / "atlas01.gw0.jsonl").read_bytes()
    assert answers(transcript) == [replace(answer, command="echo ***", out=b"\xff ***", err=b"no ***")]


@pytest.mark.parametrize("out", [b"\0\xff", "中文\u2028\u0085".encode(), b"a\r\nb\n", b""])
def test_output_comes_back_byte_for_byte(transcript: Transcript, out: bytes) -> None:
    answer = Answer("cat f", None, out, b"\xd6", 1.5, timed_out=True, truncated=True)
    transcript.record("atlas01", answer, "read")
    assert answers(transcript) == [answer]


def test_what_came_to_nothing_is_evidence_too(transcript: Transcript) -> None:
    with transcript.collecting() as evidence:
        transcript.record_failure("atlas01", "uptime", LinkLost(f"link lost: {CANARY}"))
    line = json.loads((transcript.folder / "atlas01.gw0.jsonl").read_text())
    assert evidence == ["atlas01.gw0.jsonl#1"]
    assert (line["rc"], line["failure"], line["err"]) == (None, "LinkLost", "link lost: ***")


def test_evidence_is_collected_per_check(transcript: Transcript) -> None:
    ahead = transcript.append("atlas01", Answer("a", 0, b"", b"", 0.1), "read")
    with transcript.collecting() as first:
        transcript.use(ahead)
        transcript.use(ahead)
    with transcript.collecting() as second:
        transcript.record("atlas02", Answer("b", 0, b"", b"", 0.1), "read")
    assert (first, second) == (["atlas01.gw0.jsonl#1"], ["atlas02.gw0.jsonl#1"])


def test_a_torn_line_neither_stops_the_writer_nor_the_reader(transcript: Transcript) -> None:
    transcript.record("atlas01", Answer("a", 0, b"", b"", 0.1), "read")
    path = transcript.folder / "atlas01.gw0.jsonl"
    path.write_bytes(path.read_bytes() + b'{"n": 2, "comm')
    again = Transcript(transcript.folder, Redactor([]), "gw0")
    assert again.record("atlas01", Answer("b", 0, b"", b"", 0.1), "read") == "atlas01.gw0.jsonl#3"
    assert [answer.command for answer in answers(transcript)] == ["a", "b"]


def test_a_host_name_cannot_leave_the_folder(transcript: Transcript) -> None:
    transcript.record("../../etc/x", Answer("a", 0, b"", b"", 0.1), "read")
    assert [path.name for path in transcript.folder.iterdir()] == ["______etc_x.gw0.jsonl"]


def test_what_another_thread_uses_is_no_evidence_of_this_one(transcript: Transcript) -> None:
    def judged(host: str) -> list[str]:
        with transcript.collecting() as evidence:
            both.wait(10)
            transcript.record(host, Answer("true", 0, b"", b"", 0.1), "read")
            both.wait(10)
        return evidence

    both = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(judged, ["a1", "a2"])) == [["a1.gw0.jsonl#1"], ["a2.gw0.jsonl#1"]]
