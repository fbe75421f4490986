"""The result that our all-reduce program (on torch.distributed, over several hosts) prints among torch's messages."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "all-reduce"
MARK = "dlws-probe "


@dataclass(frozen=True, slots=True)
class Reduced:
    """An all-reduce of `size` bytes over `ranks` accelerators; `wrong` lists the ranks that got a wrong sum."""

    ranks: int
    size: int
    seconds: float
    wrong: tuple[int, ...]

    @property
    def bus(self) -> float:
        """The bus bandwidth in GB/s: 2(n-1)/n * size / time, as in doc/PERFORMANCE.md of nccl-tests.

        This is the load on each link, so it can be compared with the links' speed whatever the number of ranks.
        """
        return 2 * (self.ranks - 1) / self.ranks * self.size / self.seconds / 1e9


def parse(text: str) -> Reduced:
    """The result line, marked by `MARK`. Raises Unparsable unless there is exactly one and it is complete."""
    results = [line for line in lines(SOURCE, text) if line.startswith(MARK)]
    if len(results) != 1:
        raise unparsable(SOURCE, text.strip()[-120:], f"{len(results)} results where one was expected")
    try:
        result = json.loads(results[0].removeprefix(MARK))
        ranks, size, seconds, wrong = (result[key] for key in ("ranks", "bytes", "seconds", "wrong"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise unparsable(SOURCE, results[0], "not JSON, or cut off") from None
    counts = [ranks, size, *(wrong if isinstance(wrong, list) else [None])]
    if any(type(count) is not int or count < 0 for count in counts) or ranks < 2 or type(seconds) is not float:
        raise unparsable(SOURCE, results[0])
    if not (0 < seconds < math.inf and all(rank < ranks for rank in wrong) and 0 < size < 1 << 50):
        raise unparsable(SOURCE, results[0])
    return Reduced(ranks, size, seconds, tuple(wrong))
