"""The tests that may start, by what each would occupy: the next one is found without a look at all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Generic, TypeVar

W = TypeVar("W")
Place = str | int
"""What a test occupies, one test at a time: its machine by name, or, where it needs none for itself, the test alone."""
Rank = tuple[int, int]
"""The place of a test in the order, and the test."""


class Ready(Generic[W]):
    """The tests that may start. A machine may have a home: the worker that holds the connection to it."""

    def __init__(self, rank: Callable[[int], int]) -> None:
        """`rank` of a test: the lowest goes first, of equals the first collected."""
        self._rank = rank
        self._tests: dict[Place, list[Rank]] = defaultdict(list)
        self._offers: dict[W | None, list[tuple[Rank, Place]]] = defaultdict(list)
        """By home, the first test of each place that is free. Some no longer are: `_first` drops those."""
        self._busy: set[Place] = set()
        self._home: dict[Place, W] = {}

    def add(self, test: int, place: Place) -> None:
        """A test may start as soon as its place is free."""
        heappush(self._tests[place], (self._rank(test), test))
        self._offer(place)

    def free(self, place: Place) -> None:
        """What has occupied a place has ended."""
        self._busy.discard(place)
        self._offer(place)

    def settle(self, place: Place, worker: W) -> None:
        """Give a place a home, which it keeps as long as the worker lives."""
        if place not in self._home:
            self._home[place] = worker
            self._offer(place)

    def forget(self, worker: W) -> None:
        """A worker is gone: its machines have no home."""
        self._home = {place: home for place, home in self._home.items() if home is not worker}
        for offer in self._offers.pop(worker, ()):
            heappush(self._offers[None], offer)

    def take_from(self, home: W | None) -> tuple[int, Place] | None:
        """The first test of a home, None being none, whose place is occupied from now on; None without one."""
        return self._take([home])

    def take(self) -> tuple[int, Place] | None:
        """The first test of all whose place is free, which is occupied from now on; None without one."""
        return self._take(list(self._offers))

    def _take(self, homes: Iterable[W | None]) -> tuple[int, Place] | None:
        if not (offers := [offer for home in homes if (offer := self._first(home))]):
            return None
        (_, test), place = min(offers, key=lambda offer: offer[0])
        heappop(self._tests[place])
        self._busy.add(place)
        return test, place

    def _first(self, home: W | None) -> tuple[Rank, Place] | None:
        offers = self._offers[home]
        while offers and not self._holds(home, *offers[0]):
            heappop(offers)
        return offers[0] if offers else None

    def _holds(self, home: W | None, rank: Rank, place: Place) -> bool:
        tests = self._tests[place]
        return place not in self._busy and bool(tests) and tests[0] == rank and self._home.get(place) is home

    def _offer(self, place: Place) -> None:
        if place not in self._busy and (tests := self._tests[place]):
            heappush(self._offers[self._home.get(place)], (tests[0], place))
