"""The timeline: one lane per host, one bar per test, as percentages of the run's length; the critical path is marked.

A host whose tests ran in parallel, as those of the whole cluster do, gets as many lanes as it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from math import ceil

from dlws.record.ledger import HostRow, Result
from reports.text import duration

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 9
MOST_HOSTS = 60
"""Of more hosts, those on the critical path and those that were busy longest are drawn."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One test. `left` and `width` are percentages of the chart's width; `is_critical`: it is on the critical path."""

    result: Result
    left: float
    width: float
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """`lanes` are in the order of the hosts, without hosts that have no bar; `ticks` are (percentage, label).

    `left_out` is the number of hosts that have bars and are not drawn.
    """

    lanes: tuple[tuple[HostRow, tuple[Bar, ...]], ...]
    ticks: tuple[tuple[float, str], ...]
    left_out: int = 0


def timeline(hosts: Sequence[HostRow], results: Sequence[Result], critical: Collection[str]) -> Chart:
    """The chart of all results that took time. A result whose start is not an ISO 8601 time is not drawn.

    `critical` are the labels (`name[host]`) of the critical path.
    """
    spans = [(result, start, start + result.seconds) for result in results if (start := _seconds(result)) is not None]
    spans = [span for span in spans if span[0].seconds > 0]
    if not spans:
        return Chart((), ())
    begin = min(start for _, start, _ in spans)
    length = max(max(end for *_, end in spans) - begin, 1.0)
    by_host: dict[str, list[Bar]] = {}
    for result, start, end in spans:
        bar = Bar(
            result,
            left=round(100 * (start - begin) / length, 3),
            width=round(100 * (end - start) / length, 3),
            is_critical=f"{result.name}[{result.host}]" in critical,
        )
        by_host.setdefault(result.host, []).append(bar)
    drawn = set(sorted(by_host, key=lambda name: _weight(by_host[name]), reverse=True)[:MOST_HOSTS])
    lanes = [(host, lane) for host in hosts if host.name in drawn for lane in _side_by_side(by_host[host.name])]
    step = next((step for step in _STEPS if length / step <= _MOST_TICKS), ceil(length / _MOST_TICKS))
    ticks = tuple((round(100 * at / length, 3), duration(at) if at else "0") for at in range(0, int(length) + 1, step))
    return Chart(tuple(lanes), ticks, len(by_host) - len(drawn))


def _weight(bars: Sequence[Bar]) -> tuple[bool, float]:
    return any(bar.is_critical for bar in bars), sum(bar.width for bar in bars)


def _side_by_side(bars: Sequence[Bar]) -> list[tuple[Bar, ...]]:
    """Spread the bars over lanes so that no two in a lane overlap by more than a rounding error."""
    lanes: list[list[Bar]] = []
    free: list[int] = []  # heaps, because a hostile run may have a lane for each of its tests
    taken: list[tuple[float, int]] = []
    for bar in sorted(bars, key=lambda bar: bar.left):
        while taken and taken[0][0] <= bar.left + 0.01:
            heappush(free, heappop(taken)[1])
        if not free:
            free.append(len(lanes))
            lanes.append([])
        first = heappop(free)
        lanes[first].append(bar)
        heappush(taken, (bar.left + bar.width, first))
    return [tuple(lane) for lane in lanes]


def _seconds(result: Result) -> float | None:
    try:
        return datetime.fromisoformat(result.started).timestamp()
    except ValueError:
        return None
