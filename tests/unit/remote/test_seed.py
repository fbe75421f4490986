"""A seed: one copy over the control host's link for all its hosts, none of it believed, nothing of it left behind."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dlws.record.answer import Answer, LinkLost
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote import local, seed, seed_client, seed_server, spool
from dlws.remote.change import Applier, Change, Planner
from dlws.remote.connection import SessionConnection
from dlws.remote.fleet import Fleet
from dlws.remote.host import Host
from dlws.remote.seed import Seed
from dlws.remote.spool import Spool
from dlws.verdict import Unknown
from tests.kits.cut_link import CutLink, kept_links, wait_until
from tests.kits.scripted import Scripted

SIZE = 3_000_000
PART = 1 << 19
HERE = "127.0.0.1"


class OwnFolder(Applier):
    """The hosts of these tests are one machine: what arrives on each lies in a folder of its own."""

    def spool(self, text: str, patience: float, folder: str = "") -> Spool:
        return super().spool(text, patience, folder or f"{spool.FOLDER}/{self.host.name}")


class Room:
    """A seed and its hosts: processes of this machine, each behind a link of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server((HERE, 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.open = folder, list[SessionConnection]()
        self.links: dict[str, list[CutLink]] = {}
        self.image = folder / "image.tar"
        self.image.write_bytes(random.Random(15).randbytes(SIZE))
        self.connection = self.connect("atlas02")
        self.seed = self.a_seed()

    def connect(self, name: str) -> SessionConnection:
        before = len(CutLink.opened)
        self.open.append(local.open_process(name).connect())
        self.links[name] = CutLink.opened[before:]
        return self.open[-1]

    def a_seed(self, **more: Any) -> Seed:
        """The seed as one process of the run sees it."""
        host = Host(self.connection)
        applier = Applier(host, lambda: self.connection)
        settings: dict[str, Any] = {
            "name": "atlas02",
            "address": HERE,
            "port": self.port,
            "clients": {f"atlas1{n}": HERE for n in range(3)},
            "host": lambda: host,
            "spool": lambda: applier.spool("bring", 10, seed.FOLDER),
            "is_lost": lambda: True,
            "locks": self.folder / "locks",
        }
        return Seed(**{**settings, **more})

    def change(self, name: str, by: Seed | None = None) -> Change:
        connection = self.connection if name == "atlas02" else self.connect(name)
        host = Host(connection)
        return Change(host, OwnFolder(host, lambda: connection, supply=by or self.seed))

    def load(self, name: str, by: Seed | None = None) -> Change:
        change = self.change(name, by)
        change.run(f"cat >{self.folder}/loaded-{name}", stdin=self.image, text="load image.tar")
        return change

    def has_loaded(self, name: str) -> bool:
        return (self.folder / f"loaded-{name}").read_bytes() == self.image.read_bytes()

    def sent(self, name: str) -> int:
        """Bytes over the control host's link to a host."""
        return sum(link.sent for link in self.links[name])

    @property
    def kept(self) -> Path:
        return Path(seed.FOLDER) / hashlib.sha256(self.image.read_bytes()).hexdigest()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    kept_links(monkeypatch)
    monkeypatch.setattr(spool, "FOLDER", str(tmp_path / "incoming"))
    monkeypatch.setattr(spool, "PART", PART)
    monkeypatch.setattr(seed, "FOLDER", str(tmp_path / "seed"))
    source = Path(seed_client.__file__).read_text().replace("PATIENCE = 20.0", "PATIENCE = 3.0")
    quick = tmp_path / "seed_client.py"
    quick.write_text(source)
    monkeypatch.setattr(seed_client, "__file__", str(quick))
    here = Room(tmp_path)
    yield here
    for connection in here.open:
        connection.close()


def test_any_number_of_hosts_cost_the_link_one_copy(room: Room) -> None:
    names = [f"atlas1{n}" for n in range(3)]
    threads = [threading.Thread(target=room.load, args=(name,)) for name in ("atlas02", *names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [room.has_loaded(name) for name in ("atlas02", *names)] == [True] * 4
    assert SIZE < room.sent("atlas02") < SIZE + 200_000
    assert [room.sent(name) < 200_000 for name in names] == [True] * 3


def test_a_second_process_of_the_run_brings_nothing_again(room: Room) -> None:
    room.load("atlas10")
    before = room.sent("atlas02")
    room.load("atlas11", room.a_seed())
    assert room.has_loaded("atlas11")
    assert room.sent("atlas02") - before < 100_000


def test_what_was_done_and_what_is_planned_say_from_where(room: Room) -> None:
    said = [room.load(name).actions[0].text for name in ("atlas10", "atlas02")]
    planned = Change(room.change("atlas11").host, Planner(room.seed))
    planned.run("docker load -q", stdin=room.image, text="load image.tar")
    assert said[0] == planned.actions[0].text == "load image.tar (from its seed atlas02, which is sent it once)"
    assert said[1] == "load image.tar (kept for the 3 hosts that it is the seed of)"


def test_a_small_file_comes_over_the_hosts_own_link(room: Room) -> None:
    key = room.folder / "key.asc"
    key.write_bytes(b"k" * 1000)
    change = room.change("atlas10")
    change.put_file(f"{room.folder}/key", key, text="write the key")
    assert [action.text for action in change.actions] == ["write the key"]
    assert not room.kept.parent.exists()


def spoilt(room: Room) -> None:
    room.kept.write_bytes(room.kept.read_bytes()[:-1] + b"\0")


def cut(room: Room) -> None:
    room.kept.write_bytes(room.kept.read_bytes()[:-1])


@pytest.mark.parametrize("spoil", [spoilt, cut])
def test_a_seed_that_gives_something_else_slips_nothing_in(room: Room, spoil: Callable[[Room], None]) -> None:
    room.load("atlas10")
    spoil(room)
    with pytest.raises(Unknown, match=r"the seed atlas02 cannot be used: .*suite\.seeds, and run this again"):
        room.load("atlas11")
    assert not (room.folder / "loaded-atlas11").exists()


def test_a_spoilt_file_on_the_seed_is_brought_anew(room: Room) -> None:
    room.load("atlas10")
    spoilt(room)
    with pytest.raises(Unknown, match=r"what atlas11 got from it is not image\.tar, and was removed"):
        room.load("atlas11")
    room.load("atlas12")
    assert room.has_loaded("atlas12")


def test_no_other_address_is_answered(room: Room) -> None:
    others = room.a_seed(clients={"atlas10": "192.0.2.1"})
    with pytest.raises(Unknown, match="it does not know this host, or has lost the file"):
        room.load("atlas10", others)


@pytest.mark.parametrize("request_", [b"../image.tar 0 10\n", b"x" * 64 + b" 0 10\n", b"", b"a" * 5000])
def test_a_request_for_anything_else_gets_nothing(room: Room, request_: bytes) -> None:
    room.load("atlas10")
    with socket.create_connection((HERE, room.port), 5) as link:
        link.sendall(request_)
        link.shutdown(socket.SHUT_WR)
        assert not received(link)


def received(link: socket.socket) -> bytes:
    try:
        return link.recv(10)
    except ConnectionResetError:
        return b""


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_nothing_listens_when_the_session_is_over(room: Room, how: str) -> None:
    room.load("atlas10")
    assert is_open(room.port)
    if how == "closed":
        room.connection.close()
    else:
        (link,) = room.links["atlas02"]
        link._process.kill()
    wait_until(lambda: not is_open(room.port))


def test_the_link_to_the_seed_may_be_lost_in_between(room: Room) -> None:
    room.load("atlas10")
    room.links["atlas02"][0].abort()
    wait_until(lambda: not is_open(room.port))
    room.load("atlas11")
    assert room.has_loaded("atlas11")


def test_another_process_of_the_run_takes_the_seed_over(room: Room) -> None:
    first, second = room.connection, room.connect("atlas02")
    room.load("atlas10")
    host = Host(second)
    other = room.a_seed(host=lambda: host, spool=lambda: Applier(host, lambda: second).spool("bring", 10, seed.FOLDER))
    room.load("atlas11", other)
    first.close()
    room.load("atlas12", other)
    assert room.has_loaded("atlas12")


def test_a_port_in_use_is_told_with_the_fix(room: Room) -> None:
    with socket.create_server((HERE, room.port)), pytest.raises(Unknown) as error:
        room.load("atlas10")
    assert f"cannot listen at {HERE}:{room.port}: Address already in use" in str(error.value)


def down() -> Host:
    raise Unknown("atlas02: unreachable at 192.168.3.2:22: no answer within 10 s to a TCP connection")


def test_a_seed_that_is_down_is_one_clear_message(room: Room) -> None:
    with pytest.raises(Unknown) as error:
        room.load("atlas10", room.a_seed(host=down))
    assert str(error.value) == (
        "the seed atlas02 cannot be used: unreachable at 192.168.3.2:22: no answer within 10 s to a TCP connection;"
        f" mend it, open its port {room.port} to its hosts, or name another seed or none in suite.seeds,"
        " and run this again"
    )


def test_a_seed_that_is_restarted_is_waited_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "PAUSE", 0.01)
    answers = iter([down, down, partial(Host, room.connection)])
    host = Host(room.connection)
    restarted = room.a_seed(host=lambda: next(answers, lambda: host)(), is_lost=lambda: False)
    room.load("atlas10", restarted)
    assert room.has_loaded("atlas10")


def test_a_seed_that_loses_its_power_is_waited_for(room: Room) -> None:
    dark = threading.Event()

    def host() -> Host:
        if dark.is_set():
            dark.clear()
            room.links["atlas02"][0].abort()  # what the kernel does after 45 s without an acknowledgement
            raise Unknown("atlas02: no answer within 30 s to: python3")
        return Host(room.connection)

    seeded = room.a_seed(host=host, is_lost=lambda: False)
    room.load("atlas10", seeded)
    found = subprocess.run(["pgrep", "-f", f"^python3 .* {seed.FOLDER} "], capture_output=True, text=True, check=True)
    for pid in map(int, found.stdout.split()):
        os.kill(pid, signal.SIGSTOP)  # accepts connections and says nothing more
    dark.set()
    room.load("atlas11", seeded)
    assert room.has_loaded("atlas11")


def test_a_seed_that_trickles_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path(seed_server.__file__).read_text()
    slow = room.folder / "seed_server.py"
    slow.write_text(whole.replace("self.connection.sendfile(", "time.sleep(2); self.connection.sendfile("))
    monkeypatch.setattr(seed_server, "__file__", str(slow))
    monkeypatch.setattr(OwnFolder, "_end_of", lambda self, action: Applier._end_of(self, replace(action, deadline=1.0)))
    with pytest.raises(
        Unknown, match=r"the seed atlas02 cannot be used: atlas10 gets too little from it: .*no end after"
    ):
        room.load("atlas10")


def test_a_seed_without_python_says_so(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "CAN_SERVE", "false")
    with pytest.raises(Unknown, match="the seed atlas02 cannot be used: it has no python3"):
        room.load("atlas10")


@pytest.mark.parametrize("program", [seed_server, seed_client])
def test_what_is_sent_is_written_for_python_3_5(program: Any) -> None:
    ast.parse(Path(program.__file__).read_text(), feature_version=(3, 5))


def test_only_root_enters_what_a_seed_keeps(room: Room) -> None:
    room.load("atlas02")
    modes = [path.stat().st_mode & 0o777 for path in (room.kept.parent, room.kept)]
    assert modes == [0o700, 0o600]
    subprocess.run(["sh", "-c", seed.REMOVE.replace("/var/cache/dlws/seed", seed.FOLDER)], check=True)
    assert not room.kept.parent.exists()


class Cut(Scripted):
    def serve(self, command: str, *, stdin: bytes, deadline: float) -> Answer:
        raise LinkLost("closed")


def test_a_program_that_serves_is_recorded_as_it_begins(tmp_path: Path) -> None:
    fleet = Fleet((), lambda node: Cut("x"), Transcript(tmp_path, Redactor([])), open_control=lambda: Cut("control"))
    with pytest.raises(LinkLost):
        fleet.connection("control").serve("exec python3 -", stdin=b"import socketserver", deadline=9)
    [line] = [json.loads(line) for line in (tmp_path / "control.main.jsonl").read_text().splitlines()]
    assert (line["kind"], line["command"], line.get("failure")) == ("change", "exec python3 -", None)
