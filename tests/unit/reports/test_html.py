from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import tracemalloc
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import reports
from dlws.record.printable import clip
from dlws.record.run_folder import Command, RunFolder
from dlws.verdict import Verdict
from reports import html
from reports.excerpt import Excerpt
from reports.page_evidence import EVIDENCE_LIMITS, EVIDENCE_TOTAL, PageEvidence
from tests.kits import sample_run
from tests.kits.sample_run import Sample

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """A page as a browser sees it: its scripts by attributes, its open elements, what its attributes load."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.cells: list[dict[str, str | None]] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.policy = ""
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.handlers += [name for name in found if name.startswith("on")]
        self.loads += [f"{tag} {name}" for name in found if name in ("src", "href", "srcset", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((found, ""))
        if tag == "td" and "class" in found:
            self.cells.append(found)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(found["content"])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], data)
        else:
            self.text.append(data)

    @property
    def data(self) -> Any:
        """The page's own JSON."""
        return next(json.loads(text) for found, text in self.scripts if found.get("id") == "data")

    @property
    def results(self) -> dict[tuple[str, str], str]:
        """How each test on each host is shown: `{("H09", "atlas01"): "failed"}`."""
        data = self.data
        return {
            (row["key"], host[0]): data["letters"][letter]
            for row in data["rows"]
            for host, letter in zip(data["hosts"], row["cells"], strict=False)
            if letter != " "
        }

    def details(self, key: str, host: str) -> dict[str, Any]:
        """What a click on a cell shows beside its message."""
        row = next(str(place) for place, row in enumerate(self.data["rows"]) if row["key"] == key)
        column = next(str(place) for place, known in enumerate(self.data["hosts"]) if known[0] == host)
        block = next(text for found, text in self.scripts if found.get("data-details") == column)
        return dict(json.loads(block)[row])

    @property
    def evidence(self) -> dict[str, dict[str, Any]]:
        """The evidence by file and number, with its texts in their places."""
        texts = next(json.loads(text) for found, text in self.scripts if found.get("id") == "texts")
        blocks = {str(f["data-evidence"]): json.loads(text) for f, text in self.scripts if "data-evidence" in f}
        for command in (command for block in blocks.values() for command in block.values()):
            command.update({name: texts[command[name]] for name in ("command", "out", "err") if name in command})
        return blocks


def page(sample: Sample, path: Path) -> Page:
    return Page("".join(html.render(reports.read(sample.write(path)))))


@pytest.mark.parametrize("sample", [sample_run.verify(), sample_run.install(), sample_run.plan()])
def test_the_page_loads_nothing_and_runs_only_its_own_script(sample: Sample, tmp_path: Path) -> None:
    found = page(sample, tmp_path)
    assert found.loads == []
    assert found.handlers == []
    assert found.open == []
    (script,) = (text for attributes, text in found.scripts if attributes == {})
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in found.policy
    assert found.policy.startswith("default-src 'none'")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML", found.source)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    found = page(sample_run.verify(), tmp_path)
    assert "<script>alert(1)" not in found.source
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", found.source)
    shown = found.evidence["atlas-gpu01.gw0.jsonl"]["12"]
    assert shown["out"].startswith("]]> \\x00 \\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 <script>alert(1)</script>")
    assert "\\u202egnp.exe 磁盘已满" in shown["out"]


def test_a_hostile_run_and_host_name_stay_text(tmp_path: Path) -> None:
    sample = sample_run.verify()
    evil = '"><img src=x onerror=alert(1)></title><script>alert(2)</script>'
    host = replace(sample.run.hosts[1], name=evil, kind=evil, address=evil)
    sample.run = replace(sample.run, run=evil, cluster=evil, config=evil, command=evil, hosts=(host,))
    sample.results[0] = replace(sample.results[0], host=evil, title=evil, fix=evil, verdict=Verdict.FAIL)
    found = page(sample, tmp_path)
    assert found.loads == []
    assert found.handlers == []
    assert "<script>alert" not in found.source


def test_every_test_on_every_host_has_a_cell(tmp_path: Path) -> None:
    sample = sample_run.install()
    found = page(sample, tmp_path)
    assert len(found.cells) == len(sample.run.items) == len(found.results)
    assert Counter(cell["class"] for cell in found.cells) == Counter(found.results.values())


def test_a_cell_says_how_its_test_went_on_its_host(tmp_path: Path) -> None:
    found = page(sample_run.verify(), tmp_path)
    failed = [where for where, kind in found.results.items() if kind == "failed"]
    assert ("H09", "atlas01") in failed
    assert len(failed) == 5


def test_what_a_click_shows_is_there(tmp_path: Path) -> None:
    found = page(sample_run.install(), tmp_path)
    docker = found.details("docker_installed", "atlas-gpu01")
    assert docker["fix"].startswith("journalctl -u docker")
    assert docker["proofs"] == [["R01", "docker_runs", "failed", "docker.service is failed"]]
    assert docker["actions"][1] == ["systemctl enable --now docker", 0.7]
    assert all(number in found.evidence[file] for file, number in (ref.split("#") for ref in docker["evidence"]))


def test_evidence_that_is_missing_is_said_not_left_out(tmp_path: Path) -> None:
    folder = sample_run.verify().write(tmp_path)
    (folder.evidence / "atlas01.gw0.jsonl").unlink()
    found = Page("".join(html.render(reports.read(folder))))
    assert found.data["missing"]["atlas01.gw0.jsonl#1"] == "evidence/atlas01.gw0.jsonl is missing"


def test_long_output_is_cut_and_says_so(tmp_path: Path) -> None:
    found = page(sample_run.verify(), tmp_path)
    (long,) = {len(c["out"]) for c in found.evidence["atlas01.gw0.jsonl"].values() if "left out" in c.get("out", "")}
    assert long < EVIDENCE_LIMITS[0][0] + 100


@pytest.mark.parametrize("length", [0, 99, 100, 101, 5_000, 5_001, 80_000])
@pytest.mark.parametrize("limit", [100, 401, 5_000])
def test_an_excerpt_is_clipped_as_the_whole_text_is(length: int, limit: int) -> None:
    text = "".join(chr(0x4E00 + place % 20_000) for place in range(length))
    assert Excerpt.of(text, 5_000).clipped(limit) == clip(text, limit)
    assert Excerpt.of(text, 80_000).cut(5_000).cut(limit).clipped(limit) == clip(text, limit)


def test_no_hosts_evidence_stays_in_memory(tmp_path: Path) -> None:
    overview = reports.read(sample_run.verify().write(tmp_path))
    first = next(iter(PageEvidence(overview.recorded).texts))
    assert overview.recorded._files == {}
    assert first in {command.command for _, command in overview.recorded.commands() if isinstance(command, Command)}


def test_the_findings_stand_above_the_matrix_with_their_fix(tmp_path: Path) -> None:
    source = page(sample_run.verify(), tmp_path).source
    assert source.index("Fix this first") < source.index("swapoff -a, then take") < source.index('class="matrix')


def test_a_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    sample = sample_run.install()
    sample.end = None
    text = "".join(page(sample, tmp_path).text)
    assert "Cut off before its end" in text
    assert "unknown: the run was cut off" in text


def test_an_empty_run_still_makes_a_page(tmp_path: Path) -> None:
    sample = sample_run.verify()
    sample.results, sample.run = [], replace(sample.run, items=())
    assert "".join(page(sample, tmp_path).text).count("atlas") >= 1


def test_hosts_that_all_differ_are_on_pages_of_the_table(tmp_path: Path) -> None:
    sample = sample_run.lean(sample_run.verify(sample_run.room(200), "", {}))
    names = [host.name for host in sample.run.hosts if host.address]
    for place, result in enumerate(sample.results):
        if result.host in names and result.id in [f"H{n:02d}" for n in range(1, 9)]:
            bad = names.index(result.host) >> (int(result.id[1:]) - 1) & 1
            sample.results[place] = replace(result, verdict=Verdict.FAIL if bad else Verdict.PASS)
    found = page(sample, tmp_path)
    rows = len(found.data["rows"])
    assert len(found.cells) <= rows * html.MOST_COLUMNS < len(found.results)


def test_a_hundred_hosts_make_a_page_of_bearable_size(tmp_path: Path) -> None:
    overview = reports.read(sample_run.verify(sample_run.room(100), "node017").write(tmp_path))
    start = time.process_time()
    source = "".join(html.render(overview))
    assert len(source) < 10_000_000
    assert time.process_time() - start < 30


def with_much_evidence(folder: Path, verdict: Verdict) -> RunFolder:
    """A run of which one result has 40 MB of evidence, each text another one."""
    sample = sample_run.verify()
    lines = [sample.record("atlas01", "gw7", f"dump {n}", out=f"{n} " * 4_000) for n in range(2_000)]
    sample.results[0] = replace(sample.results[0], verdict=verdict, evidence=tuple(lines))
    return sample.write(folder)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_evidence_is_cut_further_when_there_is_very_much_of_it(verdict: Verdict, tmp_path: Path) -> None:
    written = sum(map(len, html.render(reports.read(with_much_evidence(tmp_path, verdict)))))
    assert EVIDENCE_TOTAL / 8 < written < EVIDENCE_TOTAL * 1.2


def test_what_the_page_cannot_show_is_not_kept(tmp_path: Path) -> None:
    recorded = reports.read(with_much_evidence(tmp_path, Verdict.PASS)).recorded
    tracemalloc.start()
    PageEvidence(recorded)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * EVIDENCE_TOTAL
