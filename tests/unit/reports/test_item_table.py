from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.cli import main
from dlws.verdict import Verdict
from reports import item_table
from reports.item_table import as_text
from tests.kits import sample_run
from tests.kits.acceptance import faulty, good, with_verdict
from tests.kits.sample_run import Sample


def table(sample: Sample, path: Path) -> list[dict[str, str]]:
    made = item_table.render(sample.write(path).read())
    assert made.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(made[1:])))


def failed(listed: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in listed if row["verdict"] == "FAIL"]


def test_every_check_on_every_host_has_a_row(tmp_path: Path) -> None:
    sample = faulty()
    listed = {(row["test"], row["host"], row["verdict"]) for row in table(sample, tmp_path)}
    assert listed == {(result.key, result.host, result.verdict) for result in sample.results}


def test_a_row_leads_to_its_evidence(tmp_path: Path) -> None:
    (row,) = [row for row in table(faulty(), tmp_path) if (row["id"], row["host"]) == ("H09", "atlas01")]
    assert row["evidence"] == "atlas01.gw0.jsonl#6"
    assert (row["expected"], row["found"]) == ("no swap device in use", "/dev/sda3 (8 GiB)")
    assert row["title_zh"] == "交换分区已关闭"


def test_stages_have_rows_too(tmp_path: Path) -> None:
    rows = {row["test"]: row["section"] for row in table(sample_run.install(), tmp_path)}
    assert rows["gpu_in_container[atlas-gpu01]"] == "3.9"


@pytest.mark.parametrize("start", ["=cmd()|'/C calc'!A0", "+1", "-2+3", "@SUM(A1)", " =1", "\n=1", "\xa0=1", "＝1"])
def test_a_formula_becomes_text(start: str, tmp_path: Path) -> None:
    (row,) = failed(table(with_verdict(good(), Verdict.FAIL, start), tmp_path))
    assert row["message"].startswith("'")


@given(st.text(st.characters(codec=None)))
def test_no_cell_is_ever_a_formula(text: str) -> None:
    assert not as_text(text).lstrip().startswith(("=", "+", "-", "@"))
    assert "\x00" not in as_text(text)


def test_hostile_text_stays_in_its_cell(tmp_path: Path) -> None:
    sample = good()
    sample.results[0] = replace(sample.results[0], verdict=Verdict.FAIL, message=sample_run.HOSTILE + '\n",=1+1,\r\n=2')
    listed = table(sample, tmp_path)
    (row,) = failed(listed)
    assert row["message"].startswith("]]> \\x00 \\x1b[31mred\\x1b[0m")
    assert '"quoted"\n",=1+1,\n=2' in row["message"]
    assert len(listed) == len(sample.results)


def test_the_command_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = good().write(tmp_path).path
    assert main(["reports", "csv", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "items.csv")
    assert (folder / "items.csv").read_bytes().startswith(b"\xef\xbb\xbfid,test,host,verdict")
