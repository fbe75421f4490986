from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import reports
from dlws.verdict import Verdict
from reports import junit
from tests.kits import sample_run
from tests.kits.sample_run import Sample

# xunit2 as pytest writes it: junit-10.xsd and, in front of a testcase's result, `properties`.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"name", "classname", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": "(testsuite )*",
    "testsuite": "(properties )?(testcase )*",
    "testcase": "properties ((failure|error|skipped) )?(system-out )?",
    "properties": "(property )*",
}


def document(sample: Sample, path: Path) -> ElementTree.Element:
    return ElementTree.fromstring("".join(junit.render(reports.read(sample.write(path)))))


def cases(sample: Sample, path: Path) -> dict[str, ElementTree.Element]:
    return {case.attrib["name"]: case for case in document(sample, path).iter("testcase")}


def properties(case: ElementTree.Element) -> dict[str, str]:
    return {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}


@pytest.mark.parametrize("sample", [sample_run.verify(), sample_run.install(), sample_run.plan()])
def test_the_document_has_the_form_of_xunit2(sample: Sample, tmp_path: Path) -> None:
    for element in document(sample, tmp_path).iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        children = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(CHILDREN.get(element.tag, ""), children), (element.tag, children)
        assert re.fullmatch(r"\d+(\.\d{1,3})?", element.get("time", "0"))


def test_the_counts_of_the_suite_are_those_of_its_cases(tmp_path: Path) -> None:
    root = document(sample_run.verify(), tmp_path)
    suite = root[0]
    tags = Counter(child.tag for case in suite.iter("testcase") for child in case)
    assert int(suite.attrib["tests"]) == len(list(suite.iter("testcase"))) == 141
    assert (int(suite.attrib["failures"]), int(suite.attrib["errors"])) == (tags["failure"], tags["error"]) == (5, 2)
    assert int(suite.attrib["skipped"]) == tags["skipped"] == 34


def test_a_case_names_its_group_and_its_host(tmp_path: Path) -> None:
    case = cases(sample_run.verify(), tmp_path)["swap_is_off[atlas01]"]
    assert case.attrib["classname"] == "checks.swap"
    assert properties(case) == {
        "host": "atlas01",
        "verdict": "FAIL",
        "severity": "blocker",
        "id": "H09",
        "section": "3.11",
        "duration": "0.013",
        "actions": "0",
        "evidence": "evidence/atlas01.gw0.jsonl#6",
    }


@pytest.mark.parametrize(
    ("verdict", "tag"),
    [
        (Verdict.PASS, None),
        (Verdict.FAIL, "failure"),
        (Verdict.UNKNOWN, "error"),
        (Verdict.UNREACHABLE, "error"),
        (Verdict.NOT_RUN, "skipped"),
        (Verdict.NA, "skipped"),
        (Verdict.WARN, "system-out"),
        (Verdict.WAIVED, "system-out"),
        (Verdict.DEVIATION, "system-out"),
    ],
)
def test_every_verdict_has_its_element(verdict: Verdict, tag: str | None, tmp_path: Path) -> None:
    sample = sample_run.verify()
    first = sample.results[0] = replace(sample.results[0], verdict=verdict, message="the reason")
    case = cases(sample, tmp_path)[f"{first.name}[{first.host}]"]
    told = [child for child in case if child.tag != "properties"]
    assert [child.tag for child in told] == ([tag] if tag else [])
    assert all("the reason" in (child.text or "") for child in told)


def test_a_warning_is_a_failure_under_strict(tmp_path: Path) -> None:
    sample = sample_run.verify()
    sample.run = replace(sample.run, strict=True)
    assert cases(sample, tmp_path)["no_failed_units[atlas01]"].find("failure") is not None


def test_a_test_without_a_result_is_skipped_as_not_run(tmp_path: Path) -> None:
    case = cases(sample_run.install(), tmp_path)["gpu_in_container[atlas-gpu02]"]
    assert case.find("skipped").attrib == {"message": "not run", "type": "NOT RUN"}  # type: ignore[union-attr]
    assert properties(case)["verdict"] == "NOT RUN"


def test_a_failed_stage_tells_the_proof_that_failed_and_the_fix(tmp_path: Path) -> None:
    failure = cases(sample_run.install(), tmp_path)["docker_installed[atlas-gpu01]"].find("failure")
    assert failure is not None
    assert "proof docker_runs: FAIL docker.service is failed" in str(failure.text)
    assert "fix: journalctl -u docker" in str(failure.text)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    failure = cases(sample_run.verify(), tmp_path)["dpkg_is_sane[atlas-gpu01]"].find("failure")
    assert failure is not None
    assert "]]> \\x00 red" in str(failure.text)
    assert "<script>alert(1)</script>" in str(failure.text)
    assert "\\u202egnp.exe 磁盘已满" in str(failure.text)


def test_a_message_of_two_megabytes_is_cut(tmp_path: Path) -> None:
    sample = sample_run.verify()
    sample.results[0] = replace(sample.results[0], verdict=Verdict.FAIL, message="x" * 2_000_000)
    assert sum(map(len, junit.render(reports.read(sample.write(tmp_path))))) < 200_000


def test_the_suite_names_its_run_and_its_configuration(tmp_path: Path) -> None:
    found = properties(document(sample_run.verify(), tmp_path)[0])
    assert found["run"] == "20261124T063000Z-verify"
    assert found["cluster"] == "atlas"
    assert found["config_sha256"] == "9f2c" * 16


def test_what_a_host_says_stays_inside_its_element(tmp_path: Path) -> None:
    sample = sample_run.verify()
    said = "]]></failure><x y=\"1\" z='2'> & \x1b[1m" + "long\n" * 400
    sample.results[0] = first = replace(sample.results[0], verdict=Verdict.FAIL, what="", message=said)
    case = cases(sample, tmp_path)[f"{first.name}[{first.host}]"]
    failure = case.find("failure")
    assert failure is not None
    assert str(failure.text).startswith("]]></failure><x y=\"1\" z='2'> & long\nlong\n")
    assert failure.attrib["message"].startswith("]]></failure><x y=\"1\" z='2'> & long long ")
    assert "\n[... " in failure.attrib["message"]
    assert list(failure) == []
