"""The ledger while it is written: whole lines at any moment, one result a test, and what a report without one means."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.engine.graph import GRAPH
from dlws.engine.recorder import Ledgerkeeper, reported
from dlws.record import ledger as ledgers
from dlws.record.ledger import ActionRow, ItemRow, Ledger, Outcome, Result, Run
from dlws.verdict import Verdict
from tests.kits.graph import graph_of, items

RUN = Run(
    run="r",
    cluster="demo",
    command="install",
    started="2026-11-24T06:30:00+00:00",
    config="",
    config_sha256="",
    suite_version="",
    plan=False,
    strict=False,
    workers=2,
    hosts=(),
    items=tuple(ItemRow(nodeid=n, name=n, host="a1") for n in ("one", "two")),
)
GREEN = Result(
    nodeid="one",
    name="one",
    host="a1",
    stage=True,
    verdict=Verdict.PASS,
    outcome=Outcome.CHANGED,
    started="",
    seconds=1.0,
    worker="gw0",
    actions=(ActionRow(text="touch it"),),
)


def result(**more: Any) -> Result:
    told: dict[str, Any] = {
        "nodeid": "one",
        "name": "one",
        "host": "a1",
        "stage": True,
        "verdict": Verdict.PASS,
        "started": "",
        "seconds": 0.0,
        "worker": "gw0",
    }
    return Result(**{**told, **more})


@pytest.fixture
def heard() -> list[Result]:
    return []


@pytest.fixture
def keeper(tmp_path: Path, heard: list[Result]) -> Ledgerkeeper:
    made = Ledgerkeeper(tmp_path / "ledger.jsonl", [heard.append])
    made.begin(RUN)
    return made


def written(tmp_path: Path) -> Ledger:
    with (tmp_path / "ledger.jsonl").open() as lines:
        return ledgers.read(lines)


def test_each_result_is_on_disk_as_soon_as_it_is_known(keeper: Ledgerkeeper, tmp_path: Path) -> None:
    keeper.add(GREEN)
    assert written(tmp_path).results == (GREEN,)
    assert written(tmp_path).end is None


def test_what_is_on_disk_is_not_in_memory(tmp_path: Path) -> None:
    keeper = Ledgerkeeper(tmp_path / "ledger.jsonl", [])
    keeper.begin(RUN)
    keeper.add(GREEN)
    keeper.add(result(name="two"))
    assert not any(isinstance(kept, Result) for kept in keeper.results.values())


def test_a_ledger_torn_by_a_kill_reads_up_to_the_last_whole_line(keeper: Ledgerkeeper, tmp_path: Path) -> None:
    keeper.add(GREEN)
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"event": "result", "nodeid": "tw')
    assert written(tmp_path).results == (GREEN,)
    assert [item.nodeid for item in written(tmp_path).not_run] == ["two"]


def test_the_second_report_of_a_test_is_not_one_more(keeper: Ledgerkeeper, heard: list[Result], tmp_path: Path) -> None:
    keeper.add(GREEN)
    keeper.add(result(seconds=9.0))
    assert (heard, written(tmp_path).results) == ([GREEN], (GREEN,))


def test_a_worker_that_dies_after_a_green_call_makes_it_red(
    keeper: Ledgerkeeper, heard: list[Result], tmp_path: Path
) -> None:
    keeper.add(GREEN)
    keeper.add(result(verdict=Verdict.UNKNOWN, outcome=Outcome.FAILED, message="worker gw0 crashed"))
    (only,) = written(tmp_path).results
    assert (only.verdict, only.outcome, only.message) == ("UNKNOWN", "failed", "worker gw0 crashed")
    assert only.actions == GREEN.actions
    assert heard == [GREEN, only]


def test_a_finding_stays_when_a_later_report_is_green_or_another_fault(keeper: Ledgerkeeper, tmp_path: Path) -> None:
    red = result(verdict=Verdict.FAIL, message="the finding")
    for told in (red, GREEN, result(verdict=Verdict.UNKNOWN, message="and a crash")):
        keeper.add(told)
    assert written(tmp_path).results == (red,)


def test_the_foot_says_how_it_ended_and_what_never_ran(keeper: Ledgerkeeper, tmp_path: Path) -> None:
    keeper.add(GREEN)
    keeper.end(2, "interrupted by SIGINT")
    end = written(tmp_path).end
    assert end is not None
    assert (end.exit_status, end.reason, end.not_run) == (2, "interrupted by SIGINT", ("two[a1]",))


def report(outcome: str, longrepr: Any) -> Any:
    return SimpleNamespace(
        nodeid="x",
        outcome=outcome,
        passed=outcome == "passed",
        skipped=outcome == "skipped",
        duration=0.0,
        failed=outcome == "failed",
        longrepr=longrepr,
    )


@pytest.fixture
def item() -> Any:
    made = items(base=(["a1"], []), other=(["a1"], []), join=(["a1"], ["base", "other?"]))
    join = made[-1]
    stash = pytest.Stash()
    stash[GRAPH] = graph_of(made)
    join.config = SimpleNamespace(workerinput={"workerid": "gw1"}, stash=stash)
    return join


SKIPPED = report("skipped", ("f.py", 1, "Skipped: in whatever words"))


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(Verdict.FAIL, Outcome.FAILED), (Verdict.NOT_RUN, Outcome.BLOCKED), (Verdict.NA, None)]
)
def test_a_skipped_stage_names_the_stage_that_is_missing(item: Any, verdict: Verdict, outcome: Outcome | None) -> None:
    results = {"base[a1]": GREEN, "other[a1]": result(name="other", verdict=verdict, outcome=outcome)}
    told = reported(SKIPPED, item, results)
    assert told is not None
    assert (told.verdict, told.outcome, told.sentence) == ("NOT RUN", "blocked", "not run: needs other[a1]")
    assert told.follows == "other[a1]"


def test_of_two_that_are_missing_the_first_is_named(item: Any) -> None:
    told = reported(SKIPPED, item, {})
    assert told is not None
    assert (told.follows, told.worker) == ("base[a1]", "gw1")


def test_a_stage_that_no_other_blocks_says_why_it_was_skipped(item: Any) -> None:
    planned = result(verdict=Verdict.NOT_RUN, outcome=Outcome.PLANNED)
    told = reported(SKIPPED, item, {"base[a1]": planned, "other[a1]": GREEN})
    assert told is not None
    assert (told.message, told.follows) == ("Skipped: in whatever words", "")


def test_a_report_of_a_dead_worker_is_unknown_and_red(item: Any) -> None:
    told = reported(report("failed", "worker 'gw1' crashed while running 'x'"), item, {})
    assert told is not None
    assert (told.verdict, told.outcome) == ("UNKNOWN", "failed")
    assert told.message == "the suite itself broke here: worker 'gw1' crashed while running 'x'"


def test_a_report_that_only_passes_says_nothing(item: Any) -> None:
    assert reported(report("passed", None), item, {}) is None


def test_a_full_disk_ends_the_run_in_one_line() -> None:
    ledger = Ledgerkeeper(Path("/dev/full"), [])
    for write in (lambda: ledger.begin(RUN), lambda: ledger.end(3, "")):
        with pytest.raises(pytest.exit.Exception) as ended:
            write()
        assert str(ended.value).startswith("/dev/full cannot be written: No space left on device. Make room there")
        assert ended.value.returncode == pytest.ExitCode.INTERNAL_ERROR
