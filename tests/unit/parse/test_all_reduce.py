"""The bounds of an all-reduce's result: what a program on a host says is believed only where it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlws.parse.accelerators import all_reduce
from dlws.verdict import Unparsable


def said(**values: Any) -> str:
    return f"dlws-probe {json.dumps({'ranks': 16, 'bytes': 268435456, 'seconds': 0.0625, 'wrong': [9]} | values)}\n"


@pytest.mark.parametrize(
    "values",
    [
        {"ranks": 2, "wrong": [0, 1]},
        {"ranks": 2, "wrong": []},
        {"bytes": 1},
        {"bytes": (1 << 50) - 1},
        {"seconds": 0.5},
    ],
)
def test_a_result_may_go_to_its_bounds(values: dict[str, Any]) -> None:
    found = all_reduce.parse(said(**values))
    told = {"ranks": found.ranks, "bytes": found.size, "seconds": found.seconds, "wrong": list(found.wrong)}
    assert {key: told[key] for key in values} == values


@pytest.mark.parametrize(
    "values",
    [
        {"ranks": 1, "wrong": []},
        {"ranks": 16.0},
        {"ranks": 2, "wrong": [0, 2]},
        {"wrong": [-1]},
        {"wrong": 9},
        {"bytes": 0},
        {"bytes": 2.5},
        {"bytes": 1 << 50},
        {"seconds": 1},
        {"seconds": 0.0},
        {"seconds": float("inf")},
    ],
)
def test_a_result_beyond_its_bounds_is_unknown(values: dict[str, Any]) -> None:
    with pytest.raises(Unparsable, match="all-reduce: not understood"):
        all_reduce.parse(said(**values))


@pytest.mark.parametrize("result", ["[" * 100_000, '{"ranks": 16', "{}", "16"], ids=["deep", "cut", "empty", "number"])
def test_what_is_no_result_is_unknown(result: str) -> None:
    with pytest.raises(Unparsable, match="not JSON, or cut off"):
        all_reduce.parse(f"{all_reduce.MARK}{result}\n")


@pytest.mark.parametrize(("text", "count"), [("", 0), ("NCCL INFO Bootstrap\n", 0), (said() + said(), 2)])
def test_there_is_one_result_among_the_messages(text: str, count: int) -> None:
    assert all_reduce.parse(f"NCCL INFO {all_reduce.MARK}\n{said()}").ranks == 16
    with pytest.raises(Unparsable, match=f"{count} results where one was expected"):
        all_reduce.parse(text)


def test_the_load_on_a_link_is_that_of_nccl_tests() -> None:
    assert all_reduce.parse(said(ranks=4, bytes=10**9, seconds=0.5, wrong=[])).bus == pytest.approx(3.0)
