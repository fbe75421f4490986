"""Ledgers by older versions of the suite stay readable: a test is known by its id, or stage name, and host."""

from __future__ import annotations

import json
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from dlws.record import ledger
from dlws.record.ledger import ItemRow, Result, Run
from dlws.verdict import Verdict, sentence

HEAD = {
    "event": "run",
    "run": "r",
    "cluster": "c",
    "command": "verify",
    "started": "2026-11-24T06:30:00+00:00",
    "config": "",
    "config_sha256": "",
    "suite_version": "",
    "plan": False,
    "strict": False,
    "workers": 1,
    "hosts": [],
    "schema": 1,
    "items": [
        {"nodeid": "checks/host/swap.py::test_swap_is_off[a1]", "name": "swap_is_off", "host": "a1", "after": []},
        {"nodeid": "checks/ssh.py::test_host_is_reached[a1]", "name": "host_is_reached", "host": "a1", "after": []},
        {"nodeid": "install/s3_11_kubernetes.py::test_swap_off[a1]", "name": "swap_off", "host": "a1", "after": []},
    ],
}
LOST = {
    "event": "result",
    "nodeid": "checks/ssh.py::test_host_is_reached[a1]",
    "name": "host_is_reached",
    "host": "a1",
    "stage": False,
    "verdict": "UNREACHABLE",
    "started": "",
    "seconds": 1.0,
    "worker": "main",
    "id": "U01",
}
AFTER = {
    **LOST,
    "nodeid": "checks/host/swap.py::test_swap_is_off[a1]",
    "name": "swap_is_off",
    "id": "H09",
    "section": "3.11",
    "title": "Swap is off.",
    "verdict": "NOT RUN",
    "follows": "checks/ssh.py::test_host_is_reached[a1]",
}
END = {"event": "end", "exit_status": 1, "reason": "", "seconds": 2.0, "not_run": [HEAD["items"][2]["nodeid"]]}  # type: ignore[index]


def read() -> ledger.Ledger:
    return ledger.read(json.dumps(line) for line in (HEAD, LOST, AFTER, END))


def test_a_ledger_of_schema_1_goes_by_keys() -> None:
    old = read()
    assert [result.key for result in old.results] == ["U01[a1]", "H09[a1]"]
    assert [result.follows for result in old.results] == ["", "U01[a1]"]
    assert [item.key for item in old.not_run] == ["swap_off[a1]"]
    assert old.end is not None
    assert old.end.not_run == ("swap_off[a1]",)


def test_an_item_of_schema_1_is_described_by_its_result() -> None:
    described = [(item.id, item.section, item.title, item.stage) for item in read().run.items]
    assert described == [("H09", "3.11", "Swap is off.", False), ("U01", "", "", False), ("", "", "", True)]


def said(message: str, verdict: str, schema: int = 1, **more: Any) -> Result:
    """The result of a test of which an older ledger has a sentence."""
    line = {**LOST, "verdict": verdict, "message": message, **more}
    lines = ({**HEAD, "schema": schema}, line)
    [result] = ledger.read(json.dumps(line) for line in lines).results
    return result


OLD = [
    ("mode: expected 0755, found 0777", "FAIL", ("", "mode", "0755", "0777", "")),
    ("mode: expected 0755, found 0777 (a (b) c)", "DEVIATION", ("", "mode", "0755", "0777", "a (b) c")),
    ("Docker: expected 18, found 20 (x) (it is so)", "DEVIATION", ("", "Docker", "18", "20 (x)", "it is so")),
    ("a: b: expected 1, found 2 (waived: later :); Li)", "WAIVED", ("", "a: b", "1", "2", "later :); Li")),
    ("assert 1 == 2 (so be it)", "DEVIATION", ("assert 1 == 2", "", "", "", "so be it")),
    ("follows from C01 on a1: x: expected 1, found 2", "NOT RUN", ("follows from C01 on a1", "x", "1", "2", "")),
    ("cannot know: x: expected 1, found 2", "UNKNOWN", ("cannot know: x: expected 1, found 2", "", "", "", "")),
]


def test_what_many_results_say_is_kept_once() -> None:
    lines = [json.dumps(line) for line in (HEAD, LOST, AFTER, END)]
    one, other = ledger.read(lines).results[1], ledger.read(lines).results[1]
    assert one.title is other.title
    assert one.nodeid is other.nodeid


def run_of(tests: int) -> Run:
    """The first line of a run of so many tests, some of their names such that JSON escapes them."""
    items = tuple(ItemRow(nodeid=f't"{n}', name='"items": []', host=f"a{n}", title="说 it is so") for n in range(tests))
    return replace(read().run, items=items, config='x"items": []', selection='-k "items": []')


@pytest.mark.parametrize("tests", [0, 1, 3])
def test_a_line_in_pieces_is_the_line(tests: int) -> None:
    run = run_of(tests)
    assert "".join(ledger.pieces(run)) == ledger.encode(run)
    assert ledger.decode(ledger.encode(run)) == run


def test_the_first_line_of_many_tests_is_read_into_rows_at_once() -> None:
    """As objects its tests would take three times as much as the rows that are made of them."""
    line = ledger.encode(run_of(5_000))
    tracemalloc.start()
    run = ledger.decode(line)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(run, Run)
    assert most < 1.5 * kept


@pytest.mark.parametrize("schema", [1, 2])
@pytest.mark.parametrize(("message", "verdict", "parts"), OLD)
def test_an_older_sentence_is_parted_and_reads_as_before(
    message: str, verdict: str, parts: tuple[str, ...], schema: int
) -> None:
    result = said(message, verdict, schema)
    assert (result.message, result.what, result.expected, result.found, result.remark) == parts
    assert sentence(result) == message


def test_an_older_sentence_does_not_begin_with_its_host() -> None:
    assert said("a1: no route to host", "UNREACHABLE").sentence == "no route to host"


def test_a_stage_of_an_older_ledger_keeps_its_words() -> None:
    told = said("T01 x: expected 1, found 2. Fix: mend", "FAIL", stage=True)
    assert (told.message, told.found) == ("T01 x: expected 1, found 2. Fix: mend", "")


def test_what_is_written_now_is_read_as_it_is() -> None:
    now = said("a1: expected 1, found 2", "FAIL", ledger.SCHEMA)
    assert (now.message, now.verdict) == ("a1: expected 1, found 2", Verdict.FAIL)


@pytest.mark.parametrize("schema", [0, ledger.SCHEMA + 1])
def test_an_unknown_schema_is_not_read(schema: int) -> None:
    with pytest.raises(ValueError, match="this suite reads 1 to"):
        ledger.read([json.dumps({**HEAD, "schema": schema})])


@pytest.mark.parametrize("foreign", [HEAD, {**LOST, "verdict": "PASS"}, END])
def test_nothing_follows_the_end(foreign: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="one run"):
        ledger.read(json.dumps(line) for line in (HEAD, LOST, END, foreign))


@pytest.mark.parametrize("word", ["verdict", "severity"])
def test_a_result_without_verdict_or_severity_is_none(word: str) -> None:
    with pytest.raises(ValueError, match="None is not a valid"):
        ledger.read(json.dumps(line) for line in (HEAD, {**LOST, word: None}, END))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({**HEAD, "schema": "3"}, "schema of a Run line: '3' is not of type int"),
    ({**HEAD, "plan": 0}, "plan of a Run line: 0 is not of type bool"),
    ({**HEAD, "workers": True}, "workers of a Run line: True is not of type int"),
    ({**HEAD, "hosts": None}, "hosts of a Run line: None is not of type list"),
    ({**HEAD, "items": [1]}, "items of a Run line: not a ItemRow: 1"),
    ({**HEAD, "started": "yesterday"}, "started of a Run line: Invalid isoformat string: 'yesterday'"),
    ({**HEAD, "started": "2026-11-24T06:30:00"}, "started of a Run line: .* is not a time of a run"),
    ({**HEAD, "started": "9999-11-24T06:30:00+00:00"}, "started of a Run line: .* is not a time of a run"),
    ({**LOST, "message": None}, "message of a Result line: None is not of type str"),
    ({**LOST, "seconds": "1"}, "seconds of a Result line: '1' is not a number"),
    ({**LOST, "seconds": 1e300}, "seconds of a Result line: 1e[+]300 is no number of seconds"),
    ({**LOST, "evidence": "a#1"}, "evidence of a Result line: 'a#1' is not of type list"),
    ({**END, "not_run": [[]]}, "not_run of a End line: .* is not of type str"),
    ({"event": [1]}, "not a ledger line"),
]


@pytest.mark.parametrize(("line", "words"), WRONG)
def test_a_field_of_another_type_is_named(line: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ledger.read([*([] if line["event"] == "run" else [json.dumps(HEAD)]), json.dumps(line), json.dumps(END)])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
def test_a_number_that_is_not_finite_is_not_read(number: str) -> None:
    line = json.dumps(LOST).replace("1.0", number)
    with pytest.raises(ValueError, match=r"is no JSON|not a finite number"):
        ledger.decode(line)


def test_a_number_that_is_not_finite_is_not_written() -> None:
    [lost, _] = read().results
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.encode(replace(lost, seconds=float("nan")))


def test_nesting_that_is_too_deep_is_a_bad_line() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        ledger.decode("[" * 200_000)


@pytest.mark.parametrize("words", [": expected ", ", found ", "(", "follows from a on "])
def test_an_older_sentence_is_parted_in_linear_time(words: str) -> None:
    """In 0.1 s of CPU; a quadratic way takes minutes for this much."""
    began = time.process_time()
    said(words * 40_000, "DEVIATION", 1)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "line", [{**HEAD, "x" * 9999: 1}, {**HEAD, "started": "x" * 9999}, {**HEAD, "plan": "x" * 9999}]
)
def test_a_wrong_field_makes_no_long_message(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"x{50}\S*\.\.\.") as raised:
        ledger.read([json.dumps(line)])
    assert len(str(raised.value)) < 300
