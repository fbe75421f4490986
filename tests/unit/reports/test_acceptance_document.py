from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.record.ledger import Proof
from dlws.record.run_folder import Command, RunFolderError
from dlws.verdict import Severity, Verdict
from reports.acceptance import inventory, results
from reports.acceptance.blocks import Signatures
from reports.acceptance.language import Language
from reports.acceptance.source import Line, Source
from tests.kits import sample_run
from tests.kits.acceptance import faulty, good, made, rows, text_of, with_verdict, written


def test_a_document_has_fourteen_parts_in_order(tmp_path: Path) -> None:
    document = made(written(faulty(), tmp_path))
    assert [part.number for part in document.parts] == list(range(1, 15))
    assert document.parts[2].title == "Conclusion"


def test_an_audit_without_a_finding_has_passed(tmp_path: Path) -> None:
    assert made(written(good(), tmp_path)).conclusion.text == "Passed"


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNREACHABLE, Verdict.NOT_RUN])
def test_what_is_not_known_to_hold_never_passes(verdict: Verdict, severity: Severity, tmp_path: Path) -> None:
    sample = with_verdict(good(), verdict)
    sample.results[0] = replace(sample.results[0], severity=severity)
    document = made(written(sample, tmp_path))
    assert document.conclusion.text == "Not passed"
    assert f"1 item is {verdict}" in text_of(document.parts[2])


@pytest.mark.parametrize("verdict", [Verdict.WARN, Verdict.WAIVED])
def test_a_warning_and_a_waiver_are_conditions(verdict: Verdict, tmp_path: Path) -> None:
    assert made(written(with_verdict(good(), verdict), tmp_path)).conclusion.text == "Conditionally passed"


def test_a_waiver_that_let_a_stage_go_on_is_a_condition(tmp_path: Path) -> None:
    sample, stages = good(), sample_run.install()
    accepted = Proof(id="H98", name="release", verdict=Verdict.WAIVED, what="OS", found="18.04.4", expected="18.04.1")
    sample.run = replace(sample.run, items=(*sample.run.items, stages.run.items[0]))
    sample.results.append(replace(stages.results[0], verdict=Verdict.WAIVED, proofs=(accepted,)))
    document = made(written(sample, tmp_path))
    assert document.conclusion.text == "Conditionally passed"
    assert "1 finding of a stage is WAIVED" in text_of(document.parts[2])


def test_a_warning_refuses_when_the_run_was_strict(tmp_path: Path) -> None:
    sample = with_verdict(good(), Verdict.WARN)
    sample.run = replace(sample.run, strict=True)
    assert made(written(sample, tmp_path)).conclusion.text == "Not passed"


def test_a_check_without_a_result_never_passes(tmp_path: Path) -> None:
    sample = good()
    sample.results.pop()
    assert made(written(sample, tmp_path)).conclusion.text == "Not passed"


@pytest.mark.parametrize(
    ("status", "reason"), [(2, "interrupted"), (3, "the suite itself failed"), (1, "exit status 1")]
)
def test_a_run_that_did_not_end_well_never_passes(status: int, reason: str, tmp_path: Path) -> None:
    sample = good()
    assert sample.end
    sample.end = replace(sample.end, exit_status=status)
    assert reason in text_of(made(written(sample, tmp_path)).parts[2])


def test_a_run_that_was_cut_off_never_passes(tmp_path: Path) -> None:
    sample = good()
    sample.end = None
    assert "cut off" in text_of(made(written(sample, tmp_path)).parts[2])


def test_an_empty_run_never_passes(tmp_path: Path) -> None:
    sample = good()
    sample.results, sample.run = [], replace(sample.run, items=())
    assert "nothing was checked" in text_of(made(written(sample, tmp_path)).parts[2])


def test_a_part_of_the_hosts_never_passes_for_the_cluster(tmp_path: Path) -> None:
    nodes = {"nodes": [{"name": host.name} for host in sample_run.HOSTS] + [{"name": "atlas03"}]}
    document = made(written(good(), tmp_path, cluster=nodes))
    assert "hosts of the configuration were not audited: atlas03" in text_of(document.parts[2])


def test_a_part_of_the_checks_never_passes_for_all(tmp_path: Path) -> None:
    assert made(written(good(), tmp_path, whole=False)).conclusion.text == "Not passed"


def test_a_run_that_did_not_keep_its_inputs_cannot_pass(tmp_path: Path) -> None:
    assert made(good().write(tmp_path)).conclusion.text == "Not passed"


@pytest.mark.parametrize("sample", [sample_run.install(), sample_run.plan()])
def test_only_an_audit_makes_a_document(sample: sample_run.Sample, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="made from an audit"):
        made(sample.write(tmp_path))


def test_the_rule_and_every_item_are_in_the_document(tmp_path: Path) -> None:
    sample = faulty()
    document = made(written(sample, tmp_path))
    assert "UNKNOWN, UNREACHABLE or NOT RUN" in text_of(document.parts[2])
    listed = {(row[0], host) for row in rows(document.parts[6], 6) for host in row[2].split(", ")}
    assert listed == {(result.id or "—", result.host) for result in sample.results}


def test_the_counts_add_up_to_all_items(tmp_path: Path) -> None:
    *areas, total = rows(made(written(faulty(), tmp_path)).parts[5], 12)
    numbers = [[int(text) if text.isdecimal() else 0 for text in row[2:]] for row in areas]
    assert [sum(column) for column in zip(*numbers, strict=True)] == [int(t) if t != "·" else 0 for t in total[2:]]
    assert total[2:8] == ["141", "94", "5", "1", "1", "34"]


def test_a_waiver_has_owner_reason_expiry_and_a_blank_measure(tmp_path: Path) -> None:
    (row,) = rows(made(written(faulty(), tmp_path)).parts[8], 7)
    assert row[1] == "atlas02"
    assert "opened on site" in row[2]
    assert row[3:] == ["Li Wei", "2027-01-31", "", ""]


def test_a_waiver_that_waives_nothing_is_listed(tmp_path: Path) -> None:
    idle = {"id": "H05", "host": "*", "owner": "Li Wei", "reason": "old", "expires": "2026-01-31"}
    document = made(written(good(), tmp_path, waivers=[idle]))
    assert rows(document.parts[8], 5) == [["H05", "*", "Li Wei", "old", "2026-01-31"]]


def test_open_issues_have_their_remedy_and_a_blank_for_the_day(tmp_path: Path) -> None:
    issues = rows(made(written(faulty(), tmp_path)).parts[9], 7)
    (swap,) = [row for row in issues if row[0].startswith("H09")][:1]
    assert swap[1:3] == ["atlas01", "FAIL"]
    assert swap[4].startswith("swapoff -a")
    assert swap[5:] == ["", ""]
    assert sum(row[2] == "NOT RUN" for row in issues) == 1


def test_cross_host_checks_stand_apart(tmp_path: Path) -> None:
    listed = rows(made(written(faulty(), tmp_path)).parts[7], 4)
    assert {"H17", "H18", "H22", "H24"} <= {row[0] for row in listed}


def test_what_was_not_tested_is_said_and_not_passed_over(tmp_path: Path) -> None:
    assert text_of(made(written(good(), tmp_path)).parts[10]).count("Not tested in this audit") == 3


def test_nothing_is_signed_beforehand(tmp_path: Path) -> None:
    part = made(written(faulty(), tmp_path)).parts[12]
    (boxes,) = [block for block in part.blocks if isinstance(block, Signatures)]
    assert boxes.parties == ["Tester", "Third-party reviewer", "Customer", "Supervisor"]


def test_the_appendix_has_every_command_and_every_digest(tmp_path: Path) -> None:
    sample = faulty()
    folder = written(sample, tmp_path)
    said = text_of(made(folder).parts[13])
    assert all(line["command"] in said for lines in sample.evidence.values() for line in lines)
    assert all(path.name in said for path in folder.evidence.iterdir())


def test_titles_are_in_the_document_s_language(tmp_path: Path) -> None:
    folder = written(faulty(), tmp_path)
    titles = {language: rows(made(folder, language).parts[6], 6)[0][1] for language in Language}
    assert titles[Language.ZH] == "操作系统版本符合要求"
    assert titles[Language.EN] == "Ubuntu 18.04, exactly 18.04.1 on NPU hosts"
    assert titles[Language.BOTH] == f"{titles[Language.ZH]}\n{titles[Language.EN]}"


def test_roles_and_what_is_no_host_are_in_the_document_s_language(tmp_path: Path) -> None:
    folder = written(faulty(), tmp_path)
    chinese, english = made(folder, Language.ZH), made(folder, Language.EN)
    assert [row[2] for row in rows(chinese.parts[3], 6)[:2]] == ["主节点\nnpu-arm64", "工作节点\nnpu-arm64"]
    assert rows(english.parts[3], 6)[0][2] == "infrastructure\nnpu-arm64"
    where = [{row[0]: row[2] for row in rows(document.parts[6], 6)} for document in (chinese, english)]
    assert [(found["H17"], found["U11"]) for found in where] == [("整个集群", "控制主机"), ("cluster", "control")]


def test_the_verdict_on_the_clocks_is_in_the_document_s_language(tmp_path: Path) -> None:
    folder = written(faulty(), tmp_path)
    said = [text_of(made(folder, language).parts[13]) for language in (Language.ZH, Language.EN)]
    assert "H22 各主机时钟一致\n通过\n" in said[0]
    assert "H22 The clocks of all hosts agree\nPASS\n" in said[1]


@pytest.mark.parametrize("language", [Language.ZH, Language.EN])
def test_the_suite_s_own_words_are_in_one_language(language: Language, tmp_path: Path) -> None:
    document = made(written(good(), tmp_path), language)
    said = "\n".join(text_of(part) for part in document.parts if part.number in (2, 3, 6, 9, 12, 13))
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in said)
    assert chinese == 0 if language is Language.EN else chinese > 400


def test_hosts_that_are_alike_share_a_row(tmp_path: Path) -> None:
    document = made(sample_run.verify(sample_run.room(14), "node005").write(tmp_path))
    names = {row[2] for row in rows(document.parts[6], 6) if row[0] in ("H01", "P01")}
    assert names == {"13 hosts, all but node005", "node001, node003, node007, node009, node011, node013", "node005"}


def test_the_images_of_the_content_are_listed_by_their_digests(tmp_path: Path) -> None:
    source = Source(written(good(), tmp_path).read())
    source.all_facts[source.hosts[0].name].images["k8s.gcr.io/pause:3.2"] = "sha256:1b"
    part = inventory.versions(source, Language.EN)
    assert "k8s.gcr.io/pause:3.2" in text_of(part)
    assert "sha256:1b" in text_of(part)


def line_on(hosts: int, others: int) -> Line:
    names = [f"n{number:03}" for number in range(hosts + others)]
    return Line(check={}, found="", hosts=tuple(names[:hosts]), evidence=(), others=tuple(names[hosts:]))


def test_a_cell_names_at_most_sixty_hosts() -> None:
    assert results.hosts(line_on(500, 500), Language.EN).endswith(", n058, n059 and 440 more")
    assert results.hosts(line_on(60, 60), Language.EN).endswith(", n058, n059")
    assert results.hosts(line_on(994, 6), Language.EN).startswith("994 hosts, all but n994, ")


@pytest.mark.parametrize(("hosts", "rows"), [(6, 6), (7, 1)])
def test_values_of_which_each_host_has_its_own_are_no_rows(hosts: int, rows: int) -> None:
    names = [f"n{number}" for number in range(hosts)]
    recorded: Any = SimpleNamespace(
        command=lambda reference: Command(n=1, command="hostname", rc=0, out=f"{reference}\n")
    )
    source = Source(recorded)
    checks = [{"id": "U01", "test": n, "host": n, "verdict": "PASS", "message": "", "fix": ""} for n in names]
    source.__dict__.update(checks=checks, _evidence={name: (name,) for name in names})
    assert len(source.lines) == rows
    assert [host for line in source.lines for host in line.hosts] == names
