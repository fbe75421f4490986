"""The fleet: hosts opened side by side, remembered when unreachable, asked ahead of the checks."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from dlws.inventory import Node
from dlws.record.answer import HostKeyChanged, LinkLost, Unreachable
from dlws.record.redaction import Redactor
from dlws.remote import fleet as fleet_module
from dlws.remote.connection import CAP, Connection
from dlws.remote.fleet import Fleet, FleetConnection
from dlws.remote.foresight import Foresight
from tests.kits.fake_fleet import World
from tests.kits.project import eventually

CHECKS = ["uname -s", "cat /etc/fstab", "hostname -f"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def check(fleet: Fleet, name: str, commands: Sequence[str] = CHECKS) -> list[str]:
    """Each command as one check; the evidence."""
    evidence = []
    for command in commands:
        with fleet.transcript.collecting() as references:
            fleet.connection(name).ask([command])
        evidence += references
    return evidence


def test_the_second_host_of_a_kind_is_asked_in_one_round_trip(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    check(fleet, "n1")
    assert world.hosts["n0"].trips == [[c] for c in CHECKS]
    assert world.hosts["n1"].trips == [CHECKS]


def test_another_kind_is_learnt_on_its_own(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    check(fleet, "n4", ["lscpu"])
    assert world.hosts["n4"].trips == [["lscpu"]]


def test_the_last_run_is_remembered(world: World) -> None:
    first = world.audit(run="1")
    check(first, "n0")
    first.close()
    second = world.audit(run="2")
    check(second, "n1")
    assert world.hosts["n1"].trips == [CHECKS]


def test_evidence_read_ahead_belongs_to_the_check_that_used_it(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    assert check(fleet, "n1") == [f"n1.main.jsonl#{n}" for n in (1, 2, 3)]


def test_what_is_withheld_is_asked_and_no_evidence(world: World) -> None:
    fleet = world.fleet()
    with fleet.transcript.collecting() as evidence:
        assert fleet.connection("n0").ask_secret("ps -eo args").out == b"1"
    assert evidence == []
    assert "(1 bytes withheld)" in (fleet.transcript.folder / "n0.main.jsonl").read_text()


def test_a_check_that_asks_twice_gets_a_new_answer(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    with fleet.transcript.collecting():
        first, second = (fleet.connection("n1").ask(["uname -s"])[0].text for _ in range(2))
    assert first != second


def test_two_checks_share_one_answer(world: World) -> None:
    fleet = world.audit()
    assert check(fleet, "n0", ["uname -s", "uname -s"]) == ["n0.main.jsonl#1"] * 2
    assert world.hosts["n0"].trips == [["uname -s"]]


def test_an_answer_is_void_after_a_change_anywhere(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    fleet.connection("n1").send("systemctl restart docker", token="t", deadline=5)
    check(fleet, "n0", ["uname -s"])
    assert world.hosts["n0"].trips[-1] == ["uname -s"]


def test_a_time_out_asked_ahead_is_asked_again_by_the_check(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    world.hosts["n1"].slow.add("uname -s")
    check(fleet, "n1", ["uname -s"])
    assert world.hosts["n1"].trips == [CHECKS, ["uname -s"]]


def test_a_command_that_names_its_host_is_foreseen_for_the_next(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0", ["getent hosts n0", "getent hosts n0.lab", "ping -c1 10.0.0.0", "echo n01"])
    fleet.connection("n1")
    assert world.hosts["n1"].trips == [["getent hosts n1", "getent hosts n1.lab", "ping -c1 10.0.0.1", "echo n01"]]


def test_what_only_a_minority_was_asked_is_not_foreseen(world: World) -> None:
    fleet = world.audit()
    for name, odd in (("n0", "lsblk"), ("n1", "lscpu"), ("n2", "lspci")):
        check(fleet, name, ["uname -s", odd])
    fleet.connection("n3")
    assert world.hosts["n3"].trips == [["uname -s"]]


def test_workers_of_one_run_add_up_and_a_new_run_replaces(world: World) -> None:
    path = world.folder / "foresight.json"
    for run, command in (("1", "a"), ("1", "b"), ("2", "c")):
        learner = Foresight(path, run=run)
        learner.learn(world.nodes[0], command, 30, CAP)
        learner.save()
        learned = [c for c, _, _ in Foresight(path).foreseen(world.nodes[1])]
    assert learned == ["c"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_or_a_stranger_file_is_no_foresight(world: World) -> None:
    path = world.folder / "foresight.json"
    learner = Foresight(path, redact=Redactor(["s3cret"]).text)
    learner.learn(world.nodes[0], "echo s3cret", 30, CAP)
    learner.learn(world.nodes[0], "echo plain", 30, CAP)
    learner.save()
    assert [c for c, _, _ in Foresight(path).foreseen(world.nodes[1])] == ["echo plain"]
    path.chmod(0o666)
    assert Foresight(path).foreseen(world.nodes[1]) == []
    path.chmod(0o600)
    path.write_text('{"suite": "", "selections": {"": {"kinds": []}}}')
    assert Foresight(path).foreseen(world.nodes[1]) == []


def test_without_foresight_every_question_is_asked(world: World) -> None:
    fleet = world.fleet()
    assert check(fleet, "n0", ["uname -s", "uname -s"]) == ["n0.main.jsonl#1", "n0.main.jsonl#2"]
    assert world.hosts["n0"].trips == [["uname -s"]] * 2


def test_an_unreachable_host_stays_so_without_being_tried_again(world: World) -> None:
    def refuse(node: Node) -> Connection:
        world.opened.append(node.name)
        raise HostKeyChanged(f"{node.name}: host key changed")

    world.open = refuse
    fleet = world.audit()
    for _ in range(3):
        with pytest.raises(HostKeyChanged, match="n0: host key changed"):
            fleet.connection("n0")
    assert world.opened == ["n0"]
    fleet.release("n0")
    with pytest.raises(HostKeyChanged):
        fleet.connection("n0")
    assert world.opened == ["n0", "n0"]


def test_a_host_that_goes_away_is_left_alone_until_it_is_renewed(world: World) -> None:
    connection = world.audit().connection("n0")
    world.hosts["n0"].fault = Unreachable("n0: gone")
    with pytest.raises(Unreachable, match="n0: gone"):
        connection.ask(["uname"])
    world.hosts["n0"].fault = None
    with pytest.raises(Unreachable, match="n0: gone"):
        connection.ask(["uname"])
    connection.renew()
    assert connection.ask(["uname"])[0].rc == 0


def test_a_host_that_went_away_is_tried_again_after_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = world.fleet().connection("n0")
    assert isinstance(connection, FleetConnection)
    world.hosts["n0"].fault = Unreachable("n0: gone")
    with pytest.raises(Unreachable, match="n0: gone"):
        connection.ask(["uname"])
    world.hosts["n0"].fault = None
    monkeypatch.setattr(connection._patience, "_lost", (-1e9, Unreachable("n0: gone")))
    assert connection.ask(["uname"])[0].rc == 0


def test_an_install_reconnects_to_a_host_that_was_restarting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(node: Node) -> Connection:
        raise Unreachable(f"{node.name}: connection refused")

    opens, world.open = world.open, refuse
    fleet = world.fleet()
    with pytest.raises(Unreachable):
        fleet.connection("n0")
    monkeypatch.setattr(fleet, "_open_host", opens)
    with pytest.raises(Unreachable):  # not at once
        fleet.connection("n0")
    monkeypatch.setattr(fleet_module, "COMES_BACK", 0.0)
    assert fleet.connection("n0").ask(["uname"])[0].rc == 0


def test_a_lost_change_is_in_the_evidence(world: World) -> None:
    fleet = world.fleet()
    connection = fleet.connection("n0")
    world.hosts["n0"].fault = LinkLost("n0: link lost")
    with fleet.transcript.collecting() as evidence, pytest.raises(LinkLost):
        connection.send("kubeadm init", token="t", deadline=5)
    assert evidence == ["n0.main.jsonl#1"]
    assert "link lost" in (fleet.transcript.folder / "n0.main.jsonl").read_text()


def test_expected_hosts_are_opened_side_by_side_within_the_width(world: World) -> None:
    open_now, most, lock = 0, 0, threading.Lock()

    def slowly(node: Node) -> Connection:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
        time.sleep(0.1)
        with lock:
            open_now -= 1
        return world.hosts[node.name]

    world.open = slowly
    fleet = world.fleet(width=3)
    fleet.expect(world.hosts)
    assert [fleet.connection(name).host for name in world.hosts] == list(world.hosts)
    assert 2 <= most <= 4  # three in the pool, and the one the caller needs now


def test_few_hosts_at_a_time_are_opened_ahead_of_their_use(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "AHEAD", 2)
    fleet = world.fleet()
    fleet.expect(world.hosts)
    for used, name in enumerate(world.hosts):
        assert len(fleet._opening) <= used + 2
        assert fleet.connection(name).host == name
    assert sorted(world.opened) == sorted(world.hosts)


def test_the_control_host_is_one_of_them(world: World) -> None:
    fleet = world.audit()
    assert fleet.host("control").read("uname") == "1"
    assert check(fleet, "control", ["uname"]) == ["control.main.jsonl#2"]


def test_two_stages_that_need_the_same_host_share_its_connection(world: World) -> None:
    fleet, opened, wanted = world.fleet(), [], threading.Event()
    inner = fleet._open_host

    def slowly(node: Node) -> Connection:
        opened.append(node.name)
        wanted.wait(10)
        return inner(node)

    fleet._open_host = slowly
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fleet.connection, "n0")
        eventually(lambda: opened)
        second = pool.submit(fleet.connection, "n0")
        with suppress(TimeoutError):
            second.result(0.2)
        wanted.set()
        assert first.result() is second.result()
    assert opened == ["n0"]


def test_of_stages_that_begin_at_once_few_log_in_at_a_time(world: World) -> None:
    fleet, now, most = world.fleet(width=2), [], []
    inner = fleet._open_host

    def counted(node: Node) -> Connection:
        now.append(node)
        most.append(len(now))
        time.sleep(0.05)
        now.remove(node)
        return inner(node)

    fleet._open_host = counted
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(fleet.connection, world.hosts))
    assert max(most) == 2


def test_closing_closes_every_connection(world: World) -> None:
    fleet = world.audit()
    check(fleet, "n0")
    fleet.close()
    assert world.hosts["n0"].trips[-1] == ["closed"]


def test_what_is_found_out_once_is_evidence_of_every_test_that_asks(world: World) -> None:
    fleet, tries = world.fleet(), iter([True, False])
    for _ in range(2):
        with fleet.transcript.collecting() as evidence:
            assert fleet.note_once("n0", "connect to n0:22", lambda: next(tries))
        assert evidence == ["n0.main.jsonl#1"]
