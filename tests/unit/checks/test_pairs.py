"""The sample of pairs: few for each host, and nobody left out."""

from __future__ import annotations

import pytest

from dlws.facts.pairs import ALL_PAIRS_UP_TO, partners


def fleet(count: int) -> list[str]:
    return [f"n{n}" for n in range(count)]


@pytest.mark.parametrize("count", [1, 4, ALL_PAIRS_UP_TO])
def test_up_to_a_size_every_pair_is_tested(count: int) -> None:
    names = fleet(count)
    assert all(partners(names, one) == tuple(name for name in names if name != one) for one in names)


@pytest.mark.parametrize(("count", "most"), [(33, 7), (100, 8), (1000, 11)])
def test_questions_do_not_grow_with_the_pairs(count: int, most: int) -> None:
    names = fleet(count)
    assert max(len(partners(names, one)) for one in names[1:]) <= most
    assert len(partners(names, names[0])) == count - 1


@pytest.mark.parametrize("count", [33, 100, 1000])
def test_every_host_is_reached_from_several(count: int) -> None:
    names = fleet(count)
    reached = dict.fromkeys(names, 0)
    for one in names:
        for other in partners(names, one):
            reached[other] += 1
    assert min(reached.values()) >= 5


def test_hosts_that_are_cut_off_are_seen_from_their_border() -> None:
    names, rack = fleet(100), {f"n{n}" for n in range(40, 60)}
    across = [(one, other) for one in names for other in partners(names, one) if (one in rack) != (other in rack)]
    assert {one for one, _ in across if one in rack} == rack
