"""The benchmark's pretended hosts: copies of recorded ones that answer as themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.fleet.api import Objects
from benchmarks.fleet.hosts import Host
from benchmarks.fleet.members import Names, members
from benchmarks.fleet.recording import Recording
from dlws.facts import cluster_names
from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import Answer

MASTER = Node("atlas02", "192.168.3.2", "sigsus.cn", Role.INFRASTRUCTURE, Arch.ARM64, Device.NPU, Origin.MACHINES)
WORKER = replace(MASTER, name="atlas01", address="192.168.3.6", role=Role.WORKER)
LOOP = "for x in {}; do {{ r=$(ping $x); echo $x $? $r; }} & done; wait"


def answered(command: str, out: str) -> dict[str, Answer]:
    return {command: Answer(command, 0, out.encode(), b"", 0.1)}


def fleet(answers: dict[str, dict[str, Answer]], count: int = 4) -> tuple[Names, Recording]:
    nothing: Any = None
    names = Names(members([WORKER, MASTER], count))
    return names, Recording(Path("run"), nothing, {}, {"atlas01": {}, "atlas02": {}} | answers, {})


def text_of(name: str, command: str, answers: dict[str, Answer]) -> str:
    names, recording = fleet({"atlas01": answers})
    host = Host(names.by_name[name], names, recording, {}, Counter())
    return host.answer(command)[1].decode()


def test_a_fleet_is_the_recorded_hosts_and_copies_of_workers() -> None:
    found = members([WORKER, MASTER], 4)
    assert [m.name for m in found] == ["atlas02", "atlas01", "atlas01-1", "atlas01-2"]
    assert [m.address for m in found] == ["127.1.0.1", "127.1.0.2", "127.1.0.3", "127.1.0.4"]


def test_a_copy_speaks_of_itself() -> None:
    answers = answered("hostname -I", "192.168.3.6 of atlas01.sigsus.cn; 192.168.3.60; 02:42:ac:11:00:02\n")
    found = text_of("atlas01-2", "hostname -I", answers)
    assert found.startswith("127.1.0.4 of atlas01-2.sigsus.cn; 192.168.3.60; ")
    assert "02:42:ac:11:00:02" not in found


def test_a_loop_over_hosts_is_answered_for_each() -> None:
    answers = answered(LOOP.format("192.168.3.2"), "192.168.3.2 0 PING 192.168.3.2\n")
    found = text_of("atlas01", LOOP.format("127.1.0.1 127.1.0.3"), answers)
    assert found.splitlines() == ["127.1.0.1 0 PING 127.1.0.1", "127.1.0.3 0 PING 127.1.0.3"]


def test_a_command_that_was_not_recorded_is_counted() -> None:
    names, recording = fleet({})
    unknown: Counter[str] = Counter()
    assert Host(names.fleet[0], names, recording, {}, unknown).answer("uptime") == (1, b"", b"")
    assert unknown == {"uptime": 1}


def test_each_copy_is_a_node_and_lists_have_pages() -> None:
    node = '{"metadata":{"name":"atlas01","uid":"0a1b2c-000000"},"spec":{},"status":{}}'
    names, recording = fleet({"kubernetes": answered("GET /api/v1/nodes?limit=2", f'{{"items":[{node}]}}')})
    status, _, text = Objects(names, recording).answer("/api/v1/nodes?limit=2")
    assert (status, text.count('"name"')) == (200, 2)
    assert '"continue":"2"' in text
    assert '"name":"atlas01-2"' in Objects(names, recording).answer("/api/v1/nodes?limit=2&continue=2")[2]


def test_a_host_knows_the_names_of_the_whole_fleet() -> None:
    names, recording = fleet({}, 5)
    known: Any = SimpleNamespace(names_by_address={node.address: (node.fqdn, node.name) for node in (MASTER, WORKER)})
    host = Host(names.by_name["atlas01-2"], names, replace(recording, cluster=known), {}, Counter())
    short = ["atlas02", "atlas01", "atlas01-1", "atlas01-2", "atlas01-3"]
    every = [name for one in short for name in (f"{one}.sigsus.cn", one)]
    addresses = [f"127.1.0.{n // 2 + 1}" for n in range(10)]
    assert host.answer(cluster_names.ASK) == (0, f"{cluster_names.digest(every, addresses)}  -\n".encode(), b"")


def test_a_hosts_file_has_a_line_for_each_host_of_the_fleet() -> None:
    text = "127.0.0.1\tlocalhost\n# BEGIN\n192.168.3.2\tatlas02\n192.168.3.6\tatlas01\n# END\n"
    lines = text_of("atlas01-1", "cat /etc/hosts", answered("cat /etc/hosts", text)).splitlines()
    hosts = [f"127.1.0.{n + 1}\t{name}" for n, name in enumerate(["atlas02", "atlas01", "atlas01-1", "atlas01-2"])]
    assert lines == ["127.0.0.1\tlocalhost", "# BEGIN", *hosts, "# END"]
