"""How long a run took, and the least it could have taken: the longest chain of stages that wait for each other.

A pure function of the ledger, whose first line holds the graph of stages. With one worker per host the two are close;
the difference is time spent waiting for a worker, or for a host that is busy with a stage of another chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dlws.record.ledger import Ledger, Result


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: `wall` from the first stage's start to the last one's end, `critical` the sum along `path` (labels)."""

    wall: float
    critical: float
    path: tuple[tuple[str, float], ...]

    @property
    def ratio(self) -> float:
        """Wall time divided by the critical path; 1 is the optimum."""
        return self.wall / self.critical if self.critical else 1.0


def timing(ledger: Ledger) -> Timing | None:
    """The timing of a run of stages; None if no stage was run."""
    after = {item.key: item.after for item in ledger.run.items if item.after}
    stages = {r.key: r for r in ledger.results if r.stage and _began(r) is not None}
    chains: dict[str, tuple[float, str]] = {}  # the length up to a stage, and the stage before it
    for label, result in stages.items():  # in the order they finished, so a stage comes after what it waits for
        length, before = max(((chains[a][0], a) for a in after.get(result.key, ()) if a in chains), default=(0.0, ""))
        chains[label] = length + result.seconds, before
    if not chains:
        return None
    critical, last = max((length, label) for label, (length, _) in chains.items())
    path = [last]
    while before := chains[path[-1]][1]:
        path.append(before)
    path.reverse()
    begun = [(_began(r) or 0.0, r.seconds) for r in stages.values()]
    wall = max(start + seconds for start, seconds in begun) - min(start for start, _ in begun)
    return Timing(round(wall, 3), round(critical, 3), tuple((label, stages[label].seconds) for label in path))


def _began(result: Result) -> float | None:
    """The start in seconds since the epoch; None for a stage that was skipped."""
    try:
        return datetime.fromisoformat(result.started).timestamp()
    except ValueError:
        return None
