"""How long one host may keep an audit waiting: by commands that hang, and by answers that come just in time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from dlws.record.answer import Answer, CommandTimedOut, Unreachable
from dlws.remote import patience
from dlws.remote.connection import CAP
from tests.kits.fake_fleet import Fake, World
from tests.unit.remote.test_fleet import CHECKS, check


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class Hung(Fake):
    """Every command takes its deadline and is stopped; without a pulse, `true` does too."""

    pulse = False

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        self.trips.append(list(commands))
        return [Answer(c, None, b"", b"", deadline, timed_out=c != "true" or not self.pulse) for c in commands]


def test_a_host_whose_commands_all_hang_costs_two_of_them(world: World) -> None:
    world.hosts["n0"] = Hung("n0")
    connection = world.audit().connection("n0")
    connection.ask(["lsblk"])
    for _ in range(3):
        with pytest.raises(Unreachable, match=r"n0: hangs: .*`true` does not end within 5 s.*deadline: lscpu"):
            connection.ask(["lscpu"])
    assert world.hosts["n0"].trips == [["lsblk"], ["lscpu"], ["true"]]


def test_a_host_that_hangs_is_left_out_of_what_compares_hosts(world: World) -> None:
    world.hosts["n0"] = Hung("n0")
    fleet = world.audit()
    with pytest.raises(Unreachable, match="hangs"):
        check(fleet, "n0", ["lsblk", "lscpu"])
    with fleet.transcript.collecting() as evidence, pytest.raises(Unreachable, match="hangs"):
        fleet.host("n0")
    assert len(evidence) == 1


def test_a_tool_that_hangs_on_a_live_host_is_only_its_own_finding(world: World) -> None:
    world.hosts["n0"] = host = Hung("n0")
    host.pulse = True
    connection = world.audit().connection("n0")
    for _ in range(4):
        assert connection.ask(["nvidia-smi -q"])[0].timed_out
    assert [c for trip in host.trips for c in trip].count("true") == 2


def test_time_outs_ahead_of_the_checks_are_asked_again_only_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "OVERTIME", 0.0)
    fleet = world.audit()
    check(fleet, "n0")
    world.hosts["n1"].slow.add("uname -s")
    check(fleet, "n1", ["uname -s"])
    assert world.hosts["n1"].trips == [CHECKS]


class Slow(Fake):
    """Every command is answered just before its deadline."""

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        time.sleep(0.05)
        return super().ask(commands, deadline=deadline, cap=cap)


def test_a_host_that_is_always_slow_costs_an_audit_no_more_than_its_ration(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AT_MOST", 0.08)
    world.hosts["n0"] = Slow("n0")
    audited, changed = world.audit().connection("n0"), world.fleet().connection("n0")
    for name in ("lsblk", "lscpu"):
        assert audited.ask([name])[0].rc == 0
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"n0: its answers have taken more than 0\.08 s of this run"):
            audited.ask(["uname"])
    for _ in range(4):
        assert changed.ask(["uname"])[0].rc == 0


def test_a_long_batch_is_not_sent_to_a_host_that_runs_nothing(world: World) -> None:
    many = [f"cat /etc/{number}" for number in range(17)]
    fleet = world.audit()
    check(fleet, "n0", many)
    world.hosts["n1"] = Hung("n1")
    with pytest.raises(Unreachable, match="n1: hangs"):
        check(fleet, "n1", many)
    assert world.hosts["n1"].trips == [["true"]]


def test_a_host_whose_new_sessions_fall_silent_as_well_is_lost() -> None:
    def silent() -> list[Answer]:
        raise CommandTimedOut("atlas01: no answer within 49 s to: uptime")

    host = patience.Patience("atlas01", lambda: Answer("true", 0, b"", b"", 0.0), retry=5.0, retry_hanging=60.0)
    with pytest.raises(CommandTimedOut):
        host.answers(silent)
    host.answers(lambda: [Answer("id -u", 0, b"0\n", b"", 0.0)])  # a new session may answer before it falls silent
    with pytest.raises(Unreachable, match=r"2 sessions have fallen silent; no answer within 49 s"):
        host.answers(silent)
    with pytest.raises(Unreachable):
        host.raise_loss()
