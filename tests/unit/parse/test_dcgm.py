"""DCGM's diagnosis in the forms of its versions, and documents that are none or that an error ended."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import dcgm
from dlws.verdict import Unparsable

DIAGNOSIS = '{"%s": {"test_categories": [{"tests": [{"name": "a", "results": [{%s}]}]}]}}'


def test_dcgms_own_errors_are_its_negative_codes() -> None:
    assert {-code % 256 for code in range(1, 65)} == set(dcgm.FOUND_SOMETHING)


@pytest.mark.parametrize("root", ["DCGM GPU Diagnostic", "DCGM Diagnostic"])
@pytest.mark.parametrize(
    ("result", "card"),
    [
        ('"gpu_ids": "1"', "1"),
        ('"gpu_id": 2', "2"),
        ('"entity_id": 3', "3"),
        ('"entity_id": 0', "0"),
        ('"x": 1', "host"),
    ],
)
def test_each_version_of_dcgm_names_the_card_in_its_way(root: str, result: str, card: str) -> None:
    assert dcgm.failures(DIAGNOSIS % (root, f'"status": "Fail", {result}')) == [f"a on {card}: Fail"]


@pytest.mark.parametrize("status", ["Not Run", "Skip", "NotRun", "SKIPPED"])
def test_a_diagnosis_without_a_test_that_was_run_is_unknown(status: str) -> None:
    with pytest.raises(Unparsable, match="no test that was run"):
        dcgm.failures(DIAGNOSIS % ("DCGM Diagnostic", f'"status": "{status}"'))


def test_a_diagnosis_that_passed_has_no_failure() -> None:
    assert dcgm.failures(DIAGNOSIS % ("DCGM Diagnostic", '"status": "Pass"')) == []
    with pytest.raises(Unparsable, match="not the form"):
        dcgm.failures(DIAGNOSIS % ("DCGM Diagnostic", '"status": "Pass"}, {"gpu_id": 1'))


def test_warnings_before_a_diagnosis_and_tests_that_are_null_say_nothing() -> None:
    passed = DIAGNOSIS % ("DCGM Diagnostic", '"status": "Fail", "gpu_id": 1')
    noisy = passed.replace('"tests": [', '"tests": [null, ').replace("}]}]}}", "}]}]}}\n")
    assert dcgm.failures(f"\nWARNING: a\nWARNING: b {{\n\n{noisy}") == ["a on 1: Fail"]
    for noise in ("Error: a\n", "WARNING\n", "a WARNING:\n"):
        with pytest.raises(Unparsable, match="not JSON"):
            dcgm.failures(noise + passed)


@pytest.mark.parametrize("status", ["Pass", "Skip"])
def test_a_diagnosis_that_an_error_ended_is_unknown_unless_a_test_failed(status: str) -> None:
    ended = (DIAGNOSIS % ("DCGM Diagnostic", '"status": "%s"')).replace(
        '"test_c', '"runtime_error": "stopped", "test_c'
    )
    assert dcgm.failures(ended % "Fail") == ["a on host: Fail"]
    for text in (ended % status, '{"DCGM Diagnostic": {"runtime_error": "stopped"}}'):
        with pytest.raises(Unparsable, match="the diagnosis ended with an error: 'stopped'"):
            dcgm.failures(text)
    with pytest.raises(Unparsable, match="not the form"):
        dcgm.failures('{"DCGM Diagnostic": {"runtime_error": ""}}')


@pytest.mark.parametrize("text", ["[" * 100_000, '{"DCGM Diagnostic": {}}', '{"DCGM Diagnostic": 1}', "1"])
def test_what_is_no_diagnosis_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        dcgm.failures(text)
