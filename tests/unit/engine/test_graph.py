"""Which step waits for which, and in which order a run without workers goes."""

from __future__ import annotations

import pytest

from dlws.engine import graph
from dlws.engine.stage import expand
from tests.kits.graph import graph_of, items, labels

WHERE = {"base": ["a1", "a2"], "docker": ["a1", "a2"], "keys": ["control"], "unique": ["cluster"], "gpu": ["a2"]}


@pytest.mark.parametrize(
    ("need", "target", "labels"),
    [
        ("base", "a1", ["base[a1]"]),
        ("base[*]", "a1", ["base[a1]", "base[a2]"]),
        ("base[a2]", "a1", ["base[a2]"]),
        ("base[a9]", "a1", []),
        ("keys", "a1", ["keys[control]"]),
        ("unique", "a1", ["unique[cluster]"]),
        ("gpu", "a1", []),
        ("gpu[*]", "a1", ["gpu[a2]"]),
        ("base", "control", ["base[a1]"]),
        ("base", "cluster", ["base[a1]"]),
        ("keys", "cluster", ["keys[control]"]),
        ("gpu", "cluster", []),
    ],
)
def test_what_a_stage_comes_after_is_meant_per_host(need: str, target: str, labels: list[str]) -> None:
    assert expand(need, target, WHERE, "a1") == labels


def test_what_a_stage_would_wait_for_is_not_asked_for_where_it_is_left_out() -> None:
    made = items(share=(["a1"], []), join=(["a1"], []), labels=(["a1"], ["join", "share?"]))
    whole = graph_of(made)
    assert whole.present(whole.steps["labels[a1]"]) == ["join[a1]", "share[a1]"]
    whole.selected = {"labels[a1]"}
    assert [step.label for step in whole.absent(whole.steps["labels[a1]"])] == ["join[a1]"]


def test_a_stage_cannot_come_after_one_that_nobody_declared() -> None:
    with pytest.raises(ValueError, match="after='dokcer' names no stage"):
        graph_of(items(base=(["a1"], ["dokcer"])))


def test_two_stages_of_one_name_are_refused() -> None:
    twice = items(base=(["a1"], [])) + items(base=(["a1"], []))
    with pytest.raises(ValueError, match="two stages are called base"):
        graph_of(twice)


def test_steps_are_ordered_after_what_they_need_and_otherwise_as_written() -> None:
    made = items(join=(["a1", "a2"], ["base[*]"]), base=(["a1", "a2"], []), tail=(["a1"], ["join"]))
    assert labels(graph.ordered(list(made), graph_of(made))) == [
        "base[a1]",
        "base[a2]",
        "join[a1]",
        "join[a2]",
        "tail[a1]",
    ]


def test_a_cycle_is_refused_by_name() -> None:
    made = items(egg=(["a1"], ["hen"]), hen=(["a1"], ["egg"]), free=(["a1"], []))
    with pytest.raises(ValueError, match=r"wait for each other: egg\[a1\], hen\[a1\]"):
        graph.ordered(list(made), graph_of(made))


def test_steps_that_are_left_out_are_told_from_those_of_the_run() -> None:
    made = items(base=(["a1"], []), docker=(["a1"], ["base"]), join=(["a1"], ["docker", "base"]))
    whole = graph_of(made)
    whole.selected.remove("base[a1]")
    step = whole.steps["join[a1]"]
    assert (whole.present(step), [s.label for s in whole.absent(step)]) == (["docker[a1]"], ["base[a1]"])
    assert [s.label for s in whole.earlier(step)] == ["docker[a1]"]
