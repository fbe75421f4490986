"""The evidence: what was asked and answered, redacted, and served again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.verdict import Unknown
from remote.answer import Answer, Unreachable
from remote.redaction import Redactor
from remote.transcript import Replay, Transcript

CANARY = "c4nary-Pa55"


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "evidence", Redactor([CANARY]), "gw0")


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
    assert Replay(transcript.folder).answers("atlas01")["echo ***"].out == b"\xff ***"


@pytest.mark.parametrize("out", [b"\0\xff", "中文\u2028\u0085".encode(), b"a\r\nb\n", b""])
def test_output_comes_back_byte_for_byte(transcript: Transcript, out: bytes) -> None:
    answer = Answer("cat f", None, out, b"\xd6", 1.5, timed_out=True, truncated=True)
    transcript.record("atlas01", answer, "read")
    assert Replay(transcript.folder).connection("atlas01").ask(["cat f"]) == [answer]


def test_the_last_answer_to_a_command_is_served(transcript: Transcript) -> None:
    for out in (b"first", b"second"):
        transcript.record("atlas01", Answer("date", 0, out, b"", 0.1), "read")
    assert Replay(transcript.folder).connection("atlas01").ask(["date"])[0].out == b"second"


def test_what_was_not_recorded_is_unknown(transcript: Transcript) -> None:
    transcript.record("atlas01", Answer("date", 0, b"", b"", 0.1), "read")
    replay = Replay(transcript.folder)
    with pytest.raises(Unknown, match="atlas01: not in the recording: uptime"):
        replay.connection("atlas01").ask(["uptime"])
    with pytest.raises(Unknown, match="cannot be changed"):
        replay.connection("atlas01").send("reboot", token="t", deadline=1)
    with pytest.raises(Unreachable, match="atlas02: not in the recording"):
        replay.connection("atlas02")
    with pytest.raises(Unknown, match="no recording there"):
        Replay(transcript.folder / "elsewhere")


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
    assert set(Replay(transcript.folder).answers("atlas01")) == {"a", "b"}


def test_a_host_name_cannot_leave_the_folder(transcript: Transcript) -> None:
    transcript.record("../../etc/x", Answer("a", 0, b"", b"", 0.1), "read")
    assert [path.name for path in transcript.folder.iterdir()] == ["______etc_x.gw0.jsonl"]
