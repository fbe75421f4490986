"""Every check can PASS, FAIL and be UNKNOWN: its cases in tests/proofs, judged by the engine on hosts that answer."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from checks.catalogue import declared
from dlws.engine.arguments import parameters
from dlws.verdict import Verdict, sentence
from tests.kits.proof_cases import (
    BROKEN,
    CUT,
    HOSTS,
    LOST,
    MISSING,
    TIMEOUT,
    Case,
    ProofError,
    cases,
    file_of,
    files,
    gaps,
    read,
    written,
)
from tests.kits.proof_kit import carry_out, judge_again, spoil, spoil_api

CHECKS, PROOFS = declared(), written()
PYTHON = re.compile(r"\w+\(\w+=|<\w+[ .]|frozenset|[\[{(]'|\bNone\b")
"""What a field engineer must not have to read."""
NOBODY = "no host can be reached"
"""Of a cluster that did not answer nothing is known that one could mend."""


def every_case() -> list[Case]:
    return [case for id, check in CHECKS.items() for case in cases(check, PROOFS.get(id, {}))]


def asks(case: Case) -> bool:
    """Whether the check reads a host in this case."""
    alone = set(HOSTS) == {case.host, *case.down}
    return not alone and bool({"host", "hosts", "control"} & set(parameters(case.check.function)))


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_check_comes_to_its_verdict(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = carry_out(case, tmp_path, monkeypatch)
    assert (proof.verdict, case.says in proof.sentence) == (case.verdict, True), proof.sentence
    if case.verdict is Verdict.FAIL:
        assert all((proof.what, proof.expected, proof.found)), proof.sentence
    if case.verdict not in (Verdict.PASS, Verdict.NA):
        assert proof.fix == ("" if NOBODY in proof.sentence else case.check.fix)
        assert not PYTHON.search(sentence(proof)), proof.sentence


@pytest.mark.parametrize("case", [c for c in every_case() if c.verdict is Verdict.PASS and asks(c)], ids=str)
def test_a_command_that_fails_is_no_fact(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list(spoil(case, tmp_path, monkeypatch, [MISSING, BROKEN, TIMEOUT, LOST, CUT]))
    assert told or asks_api(case)
    for failure, command, proof in told:
        assert (proof.verdict, failure.says in proof.sentence) == (Verdict.UNKNOWN, True), (command, proof.sentence)


def one_of_each() -> list[Case]:
    """Of each check a case, by turns one that passes and one that is unknown: all of them take half a minute."""
    wanted = dict(zip(sorted(CHECKS), itertools.cycle([Verdict.PASS, Verdict.UNKNOWN]), strict=False))
    return list({case.check.id: case for case in every_case() if case.verdict is wanted[case.check.id]}.values())


@pytest.mark.parametrize("case", one_of_each(), ids=str)
def test_a_replay_of_its_evidence_comes_to_the_same(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = judge_again(case, tmp_path, monkeypatch)
    assert again == first


def asks_api(case: Case) -> bool:
    """Whether the check asks the Kubernetes API."""
    return "kube" in parameters(case.check.function)


@pytest.mark.parametrize("case", [c for c in every_case() if c.verdict is Verdict.PASS and asks_api(c)], ids=str)
def test_an_api_that_fails_is_no_fact(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list(spoil_api(case, tmp_path, monkeypatch))
    assert told
    for failure, command, proof in told:
        assert (proof.verdict, failure.says in proof.sentence) == (Verdict.UNKNOWN, True), (command, proof.sentence)


def test_every_check_can_pass_fail_and_be_unknown() -> None:
    missing = gaps(CHECKS, PROOFS)
    assert not missing, "\n".join(missing)


def test_a_check_without_proof_is_named() -> None:
    h09, u01 = CHECKS["H09"], CHECKS["U01"]
    told = {"H09": {"pass": ["healthy"], "fail": [{"x": "", "says": "y"}]}, "X99": {}}
    assert gaps({"H09": h09, "U01": u01}, told) == [
        "X99: no check has this id",
        "H09: no case of unknown in tests/proofs/host/swap.yaml",
        *(f"U01: no case of {word} in tests/proofs/accounts.yaml" for word in ("pass", "fail", "unknown")),
    ]


def test_proofs_lie_as_the_checks_do() -> None:
    where = {id: path for path in files() for id in read(path)}
    assert where == {id: file_of(check) for id, check in CHECKS.items()}


def test_a_pass_is_wanted_on_every_kind_of_host() -> None:
    told = {"H09": {**PROOFS["H09"], "pass": [{"host": "gpu"}]}}
    assert gaps({"H09": CHECKS["H09"]}, told) == [f"H09: no case of pass on {h}" for h in ("infrastructure", "npu")]


def test_a_case_must_say_what_the_message_holds() -> None:
    with pytest.raises(ProofError, match="H09: a case of FAIL must say what the message holds"):
        cases(CHECKS["H09"], {"fail": [{"cat /proc/swaps": "x"}]})


def test_a_case_of_no_verdict_or_no_kind_of_host_is_an_error() -> None:
    with pytest.raises(ProofError, match="H09: cases are of pass, fail, unknown, n/a, not of failed"):
        cases(CHECKS["H09"], {"failed": ["healthy"]})
    for case in ({"host": "gpu01"}, {"down": ["gpu01"]}, {"elsewhere": {"gpu01": {}}}):
        with pytest.raises(ProofError, match="H09: kinds of host are npu, gpu, infrastructure, not gpu01"):
            cases(CHECKS["H09"], {"pass": [case]})


def test_an_answer_that_is_not_asked_for_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = cases(CHECKS["H09"], {"pass": [{"uname -m": "mips"}]})
    with pytest.raises(ProofError, match="the check does not ask atlas01: uname -m"):
        carry_out(case, tmp_path, monkeypatch)


def test_a_command_without_an_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = cases(CHECKS["R05"], {"pass": [{"host": "npu"}]})
    with pytest.raises(ProofError, match="the check does not apply to npu"):
        carry_out(case, tmp_path, monkeypatch)
    monkeypatch.setattr("tests.kits.proof_kit.usually", lambda kind: {})
    [case] = cases(CHECKS["H09"], {"unknown": [{"says": "not"}]})
    with pytest.raises(ProofError, match="neither the case nor tests/proofs/healthy answers: cat /proc/swaps"):
        carry_out(case, tmp_path, monkeypatch)


def test_files_are_read_strictly(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("H09: {pass: [healthy]}\n")
    (tmp_path / "b.yaml").write_text("H09: {fail: []}\n")
    with pytest.raises(ProofError, match=r"b\.yaml: H09 is also in another file"):
        written(tmp_path)
    (tmp_path / "b.yaml").write_text("H10: {green: []}\n")
    with pytest.raises(ProofError, match=r"b\.yaml: H10 may only have pass, fail, unknown"):
        written(tmp_path)
    (tmp_path / "b.yaml").write_text("H10:\n  pass: [{nproc: 1, nproc: 2}]\n")
    with pytest.raises(ProofError, match=r"b\.yaml: twice: nproc"):
        read(tmp_path / "b.yaml")
