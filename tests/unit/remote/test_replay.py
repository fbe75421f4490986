"""A run's evidence, served again: to each test what it was served then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import Answer, ApiUnreachable, CommandTimedOut, LinkLost, LoginRefused, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.api_server import ApiRequest
from dlws.remote.connection import CLOCK, CONNECT, Connection
from dlws.remote.fleet import Fleet
from dlws.remote.replay import Replay, ReplayedApi, ReplayedFleet
from dlws.verdict import Unknown, Unparsable

NODE = Node("atlas01", "192.168.3.6", "example.org", Role.WORKER, Arch.ARM64, Device.NPU, Origin.MACHINES)


@pytest.fixture
def live(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "evidence", Redactor([]), "gw0")


def answered(command: str, out: str) -> Answer:
    return Answer(command, 0, out.encode(), b"", 0.1)


def during(live: Transcript, act: Callable[[], object]) -> list[str]:
    """The evidence of a test that does this."""
    with live.collecting() as evidence:
        act()
    return evidence


def replayed(live: Transcript, judged_by: Mapping[str, list[str]] | None = None) -> ReplayedFleet:
    transcript = Transcript(live.folder.with_name("again"), Redactor([]))
    return ReplayedFleet([NODE], Replay(live.folder.parent, judged_by or {}, transcript))


def test_each_test_is_served_what_it_was_served_then(live: Transcript) -> None:
    judged_by = {
        name: during(live, lambda out=name: live.record("atlas01", answered("date", out), "read"))
        for name in ("first", "second")
    }
    fleet = replayed(live, judged_by)
    for name in ("second", "first"):
        fleet.begin(name)
        assert fleet.host("atlas01").read("date") == name


def test_a_test_that_asks_twice_gets_both_answers_and_then_the_last(live: Transcript) -> None:
    def twice() -> None:
        live.record("atlas01", answered("cat counter", "1"), "read")
        live.record("atlas01", answered("cat counter", "2"), "read")

    fleet = replayed(live, {"t": during(live, twice)})
    fleet.begin("t")
    assert [fleet.host("atlas01").read("cat counter") for _ in range(3)] == ["1", "2", "2"]


def test_what_a_test_did_not_ask_then_is_served_from_the_others(live: Transcript) -> None:
    live.record("atlas01", answered("date", "old"), "read")
    live.record("atlas01", answered("date", "new"), "read")
    live.record_failure("atlas01", "date", LinkLost("atlas01: link lost"))
    fleet = replayed(live)
    fleet.begin("a new test")
    assert fleet.host("atlas01").read("date") == "new"


OLDER = "systemctl show docker -p ActiveState --no-pager"


def test_an_older_answer_to_another_test_does_not_count(live: Transcript) -> None:
    judged_by = {"t": during(live, lambda: record_state(live, "failed"))}
    record_state(live, "active")
    fleet = replayed(live, judged_by)
    fleet.begin("t")
    assert not fleet.host("atlas01").service("docker").is_running


def test_an_older_failure_counts_as_one(live: Transcript) -> None:
    error = CommandTimedOut("atlas01: stopped")
    judged_by = {"t": during(live, lambda: live.record_failure("atlas01", OLDER, error))}
    record_state(live, "active")
    fleet = replayed(live, judged_by)
    fleet.begin("t")
    with pytest.raises(CommandTimedOut, match="stopped"):
        assert fleet.host("atlas01").service("docker").is_running


def record_state(live: Transcript, state: str) -> None:
    live.record("atlas01", answered(OLDER, f"ActiveState={state}\n"), "read")


def test_a_replay_counts_the_lines_of_then_as_its_evidence(live: Transcript) -> None:
    reference = live.record("atlas01", answered("date", "x"), "read")
    fleet = replayed(live)
    with fleet.transcript.collecting() as evidence:
        fleet.host("atlas01").read("date")
    assert evidence == [reference]
    assert not fleet.transcript.folder.exists()


def test_what_nobody_asked_is_unknown(live: Transcript) -> None:
    live.record("atlas01", answered("date", ""), "read")
    with pytest.raises(Unknown, match="atlas01: not in the evidence of the run that is replayed: uptime"):
        replayed(live).connection("atlas01").ask(["uptime"])
    with pytest.raises(Unknown, match="withheld from the evidence"):
        replayed(live).connection("atlas01").ask_secret("date")
    with pytest.raises(Unknown, match="a replay changes nothing: reboot"):
        replayed(live).connection("atlas01").send("reboot", token="t", deadline=1)


@pytest.mark.parametrize("out", ["", '{"a": ', "cat: x"])
def test_a_note_that_was_cut_off_is_unknown(live: Transcript, out: str) -> None:
    live.record("control", answered("read the content", out), "read")
    with pytest.raises(Unknown, match="control: the evidence of read the content is cut off or changed"):
        replayed(live).note("control", "read the content", dict)


def test_a_host_of_which_only_the_loss_is_known_is_lost_to_a_new_test_too(live: Transcript) -> None:
    live.record_failure("atlas01", CONNECT, Unreachable("atlas01: no route to host"))
    with pytest.raises(Unreachable, match="no route to host"):
        replayed(live).connection("atlas01")
    live.record("atlas01", answered("date", "x"), "read")
    assert replayed(live).host("atlas01").read("date") == "x"


def test_no_evidence_is_no_replay(tmp_path: Path, live: Transcript) -> None:
    with pytest.raises(Unknown, match="no recording there"):
        Replay(tmp_path / "elsewhere", {}, live)


@pytest.mark.parametrize("kind", [Unreachable, LoginRefused])
def test_a_host_that_could_not_be_reached_is_out_of_reach_again(live: Transcript, kind: type[Unreachable]) -> None:
    def refuse(node: Node) -> Connection:
        raise kind("atlas01: no way in")

    fleet = Fleet([NODE], refuse, live)
    for _ in range(2):
        with live.collecting() as evidence, pytest.raises(kind):
            fleet.connection("atlas01")
        assert evidence == ["atlas01.gw0.jsonl#1"]
    again = replayed(live, {"t": evidence})
    again.begin("t")
    with pytest.raises(kind, match=r"^atlas01: no way in$"):
        again.host("atlas01")


@pytest.mark.parametrize("kind", [LinkLost, CommandTimedOut, Unparsable, Unknown, Unreachable])
def test_a_failure_is_raised_again_as_it_was(live: Transcript, kind: type[Unknown]) -> None:
    def fail() -> None:
        live.record_failure("atlas01", "date", kind("atlas01: it broke"))

    fleet = replayed(live, {"t": during(live, fail)})
    fleet.begin("t")
    with pytest.raises(kind, match=r"^atlas01: it broke$") as raised:
        fleet.host("atlas01").read("date")
    assert type(raised.value) is kind


def test_a_failure_that_is_no_longer_known_is_unknown(live: Transcript) -> None:
    class Gone(Unknown):
        """A kind of an older suite."""

    live.record_failure("atlas01", "date", Gone("atlas01: it broke"))
    path = live.folder / "atlas01.gw0.jsonl"
    path.write_text(path.read_text().replace("Gone", "Forgotten"))
    with pytest.raises(Unknown, match=r"^atlas01: it broke$") as raised:
        replayed(live).host("atlas01").read("date")
    assert type(raised.value) is Unknown


def test_a_clock_reading_comes_from_the_evidence(live: Transcript) -> None:
    live.record("atlas01", answered(CLOCK, "0.250000 0.001000"), "read")
    assert replayed(live).host("atlas01").clock() == (0.25, 0.001)


def test_what_the_process_found_out_itself_is_not_found_out_again(live: Transcript) -> None:
    found = Fleet([NODE], lambda node: pytest.fail("nobody asks the host"), live).note(
        "control", "it", lambda: ["磁盘"]
    )
    assert replayed(live).note("control", "it", lambda: pytest.fail("it is known")) == found == ["磁盘"]


def test_what_the_process_could_not_find_out_stays_unknown(live: Transcript) -> None:
    def fail() -> str:
        raise Unknown("requirements.lock cannot be read")

    with pytest.raises(Unknown):
        Fleet([NODE], lambda node: pytest.fail("nobody asks the host"), live).note("control", "it", fail)
    with pytest.raises(Unknown, match=r"^requirements\.lock cannot be read$"):
        replayed(live).note("control", "it", fail)


def test_a_lost_api_is_lost_again_whatever_the_test_wanted_to_ask(live: Transcript) -> None:
    evidence = during(live, lambda: live.record_failure("kubernetes", "GET /readyz", ApiUnreachable("no API server")))
    fleet = replayed(live, {"t": evidence})
    fleet.begin("t")
    with pytest.raises(ApiUnreachable, match="no API server"):
        ReplayedApi(fleet.replay).ask(ApiRequest("GET", "/api/v1/nodes"), 1.0)
