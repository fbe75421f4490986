"""The timeline: the lanes of the timing chart."""

from __future__ import annotations

from dataclasses import replace

from dlws.record.ledger import HostRow, Result
from dlws.verdict import Verdict
from reports import chart


def result(name: str, second: int, seconds: float) -> Result:
    return Result(
        nodeid=name,
        name=name,
        host="cluster",
        stage=True,
        verdict=Verdict.PASS,
        seconds=seconds,
        worker="gw0",
        started=f"2026-11-23T06:30:{second:02}.000+00:00",
    )


def test_of_many_hosts_the_critical_and_the_busiest_are_drawn() -> None:
    hosts = [HostRow(name=f"a{n:03}", address="", kind="", role="") for n in range(100)]
    ran = [replace(result("docker", 0, n + 1), host=host.name) for n, host in enumerate(hosts)]
    drawn = chart.timeline(hosts, ran, ["docker[a000]"])
    assert [host.name for host, _ in drawn.lanes] == ["a000", *(f"a{n:03}" for n in range(41, 100))]
    assert drawn.left_out == 40


def test_what_ran_side_by_side_on_one_host_has_lanes_of_its_own() -> None:
    ran = [result("nginx", 0, 10), result("mysql", 0, 30), result("webui3", 10, 5), result("monitor", 12, 20)]
    drawn = chart.timeline([HostRow(name="cluster", address="", kind="", role="")], ran, ["mysql[cluster]"])
    lanes = [[bar.result.name for bar in bars] for _, bars in drawn.lanes]
    assert lanes == [["nginx", "webui3"], ["mysql"], ["monitor"]]
    assert [bar.result.name for _, bars in drawn.lanes for bar in bars if bar.is_critical] == ["mysql"]
