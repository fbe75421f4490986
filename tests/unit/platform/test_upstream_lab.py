"""What `make upstream-lab` takes for wrong, of runs on the lab's hosts that are told here."""

from __future__ import annotations

import pytest

from tests.upstream.lab import AGAIN, CHANGED, Told, runs_well, troubles

GOOD = {"install": Told(0, ("docker[a1]",)), "verify": Told(0), AGAIN: Told(0), CHANGED: Told(0, ("restfulapi2",))}


def test_nothing_is_wrong_where_the_changed_value_alone_changes_something() -> None:
    assert troubles(GOOD) == []


@pytest.mark.parametrize(
    ("name", "ran", "wrong"),
    [
        ("verify", Told(1), "verify: exit status 1"),
        (AGAIN, Told(0, ("mysql[cluster]",)), f"{AGAIN}: changed mysql[cluster]"),
        (CHANGED, Told(0), f"{CHANGED}: changed nothing"),
    ],
)
def test_a_run_that_is_not_as_it_should_be_is_named(name: str, ran: Told, wrong: str) -> None:
    assert troubles({**GOOD, name: ran}) == [wrong]


@pytest.mark.parametrize(
    ("pod", "well"),
    [
        ("default nginx-x 1/1 Running 0 3m", True),
        ("default nginx-x 0/1 Running 0 3m", False),
        ("default job-x 0/1 Completed 0 3m", True),
        ("default nginx-x 0/1 ImagePullBackOff 0 3m", False),
    ],
)
def test_a_pod_runs_well_once_all_its_containers_are_ready(pod: str, well: bool) -> None:
    assert runs_well(pod) is well
