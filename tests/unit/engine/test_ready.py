"""The tests that may start: which is next, on which worker, and what it costs to know."""

from __future__ import annotations

from typing import Any

from dlws.engine.ready import Ready


def ready(**places: list[int]) -> Ready[str]:
    """Tests by machine, in the order of their numbers."""
    made: Ready[str] = Ready(lambda test: 0)
    for place, tests in places.items():
        for test in tests:
            made.add(test, place)
    return made


def test_a_machine_has_one_test_at_a_time() -> None:
    tests = ready(a1=[0, 1], a2=[2])
    assert [tests.take(), tests.take(), tests.take()] == [(0, "a1"), (2, "a2"), None]
    tests.free("a1")
    assert tests.take() == (1, "a1")


def test_the_lowest_rank_goes_first_and_of_equals_the_first_collected() -> None:
    tests: Ready[str] = Ready({0: 5, 1: 0, 2: 0}.__getitem__)
    for test in (2, 0, 1):
        tests.add(test, "a1")
    order = []
    while taken := tests.take():
        order.append(taken[0])
        tests.free("a1")
    assert order == [1, 2, 0]


def test_what_occupies_no_machine_waits_for_none() -> None:
    tests: Ready[str] = Ready(lambda test: 0)
    tests.add(3, 3)
    tests.add(4, 4)
    assert [tests.take_from(None), tests.take_from(None)] == [(3, 3), (4, 4)]


def test_a_machine_with_a_home_is_taken_there_alone() -> None:
    tests = ready(a1=[0, 1], a2=[2])
    tests.settle("a1", "gw0")
    tests.settle("a1", "gw1")
    assert (tests.take_from("gw1"), tests.take_from(None), tests.take_from(None)) == (None, (2, "a2"), None)
    assert tests.take_from("gw0") == (0, "a1")


def test_a_machine_whose_worker_is_gone_is_for_any() -> None:
    tests = ready(a1=[0, 1])
    tests.settle("a1", "gw0")
    assert tests.take_from("gw0") == (0, "a1")
    tests.forget("gw0")
    tests.free("a1")
    assert tests.take_from(None) == (1, "a1")
    tests.settle("a1", "gw1")
    tests.add(2, "a1")
    tests.free("a1")
    assert (tests.take_from(None), tests.take_from("gw1")) == (None, (2, "a1"))


class Counted(int):
    """A rank that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: Any) -> bool:
        Counted.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_the_next_of_many_tests_is_found_without_a_look_at_all() -> None:
    """An audit of 100 hosts has 16,000 tests that all may start: a look at each for each would be 10^8."""
    tests: Ready[str] = Ready(lambda test: Counted(0))
    for test in range(4000):
        tests.add(test, f"a{test % 50}")
    Counted.compared = 0
    for _ in range(4000):
        taken = tests.take()
        assert taken
        tests.free(taken[1])
    assert Counted.compared < 4000 * 200
