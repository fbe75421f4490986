"""Facts that this process establishes itself, recorded with the hosts' answers so that a replay has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dlws.remote.fleet import Fleet, T


@dataclass(frozen=True, slots=True)
class Notes:
    """Records facts that a check establishes in this process rather than on a host, because they are evidence too.

    >>> notes.take("libraries that differ from requirements.lock", differing)
    """

    fleet: Fleet
    about: str

    def take(self, question: str, find: Callable[[], T]) -> T:
        """The value that `find` returns, plain JSON, recorded under `question`; in a replay the recorded one.

        Raises the Unknown that `find` raises.
        """
        return self.fleet.note(self.about, question, find)
