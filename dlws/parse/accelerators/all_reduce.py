"""The output of an all-reduce over several hosts (our program on torch.distributed), among what torch prints."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "all-reduce"
MARK = "dlws-probe "


@dataclass(frozen=True, slots=True)
class Reduced:
    """An all-reduce of `size` bytes over `ranks` accelerators took so many seconds; `wrong` ranks had a wrong sum."""

    ranks: int
    size: int
    seconds: float
    wrong: tuple[int, ...]

    @property
    def bus(self) -> float:
        """The bus bandwidth in GB/s, 2(n-1)/n times size by time as in doc/PERFORMANCE.md of nccl-tests.

        It is what each link carries: it can be held against the links' speed, whatever the number of ranks.
        """
        return 2 * (self.ranks - 1) / self.ranks * self.size / self.seconds / 1e9


def parse(text: str) -> Reduced:
    """The one line that is ours. Raises Unparsable for none, several, or one that is not whole."""
    found = [line for line in lines(SOURCE, text) if line.startswith(MARK)]
    if len(found) != 1:
        raise unparsable(SOURCE, text.strip()[-120:], f"{len(found)} results where one was expected")
    try:
        told = json.loads(found[0].removeprefix(MARK))
        ranks, size, seconds, wrong = (told[key] for key in ("ranks", "bytes", "seconds", "wrong"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise unparsable(SOURCE, found[0], "not JSON, or cut off") from None
    counts = [ranks, size, *(wrong if isinstance(wrong, list) else [None])]
    if any(type(count) is not int or count < 0 for count in counts) or ranks < 2 or type(seconds) is not float:
        raise unparsable(SOURCE, found[0])
    if not (0 < seconds < math.inf and max(wrong, default=0) < ranks and 0 < size < 1 << 50):
        raise unparsable(SOURCE, found[0])
    return Reduced(ranks, size, seconds, tuple(wrong))
