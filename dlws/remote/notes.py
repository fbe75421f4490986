"""Findings of this process rather than of a host, kept with the hosts' answers, so that a replay has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dlws.remote.fleet import Fleet, T


@dataclass(frozen=True, slots=True)
class Notes:
    """What a check finds out in this process rather than on a host: it is evidence all the same.

    >>> notes.take("libraries that differ from requirements.lock", differing)
    """

    fleet: Fleet
    about: str

    def take(self, question: str, find: Callable[[], T]) -> T:
        """What `find` finds, which is plain JSON; in a replay what was found then. Raises Unknown."""
        return self.fleet.note(self.about, question, find)
