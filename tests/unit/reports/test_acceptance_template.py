from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import pytest

from dlws.cli import main
from dlws.record.run_folder import RunFolder
from dlws.verdict import Verdict
from reports.acceptance import digest_of, template
from reports.acceptance.language import Language
from reports.acceptance.source import Source
from reports.acceptance.template import CustomerTemplateError
from tests.kits.acceptance import faulty, good, made, with_verdict, word_text, written
from tests.kits.sample_run import HOSTILE


def customer(path: Path, *paragraphs: str, row: str = "") -> Path:
    """A customer's document: paragraphs and, of a row of tags, a table with one row for each item."""
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if row:
        table = document.add_table(3, 1)
        for cell, text in zip(table.column_cells(0), ["{%tr for item in items %}", row, "{%tr endfor %}"], strict=True):
            cell.text = text
    document.save(str(path))
    return path


def filled(folder: RunFolder, file: Path, language: Language = Language.EN) -> bytes:
    source = Source(folder.read())
    return template.render(file, made(folder, language), template.fields(source, language))


def test_a_customer_s_document_is_filled_in(tmp_path: Path) -> None:
    file = customer(tmp_path / "c.docx", "集群 {{ cluster }}: {{ conclusion }}, {{ counts.pass }}/{{ counts.total }}")
    assert "集群 atlas: 不通过, 94/141" in word_text(filled(written(faulty(), tmp_path / "run"), file, Language.ZH))


def test_a_table_gets_a_row_for_every_item(tmp_path: Path) -> None:
    file = customer(tmp_path / "c.docx", row="{{ item.id }} {{ item.verdict }} {{ item.hosts }};")
    said = word_text(filled(written(faulty(), tmp_path / "run"), file))
    assert "H09 FAIL atlas01;" in said
    assert "P03 UNKNOWN atlas01;" in said


def test_hosts_have_their_facts(tmp_path: Path) -> None:
    sample = good()
    sample.record("atlas01", "gw9", "uname -m", out="aarch64\n")
    file = customer(tmp_path / "c.docx", "{% for h in hosts %}{{ h.name }} {{ h.arch }} {{ h.serial }};{% endfor %}")
    assert "atlas01 aarch64 ;" in word_text(filled(written(sample, tmp_path / "run"), file))


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    sample = with_verdict(good(), Verdict.FAIL, HOSTILE)
    file = customer(tmp_path / "c.docx", "{% for i in open_issues %}{{ i.found }}{% endfor %}")
    said = word_text(filled(written(sample, tmp_path / "run"), file))
    assert "]]> \\x00 \\x1b[31mred\\x1b[0m" in said
    assert "<script>alert(1)</script>" in said
    assert "{{ 7*7 }}" in said
    assert '磁盘已满 & "quoted"' in said


def test_a_filled_document_is_the_same_bytes_and_tied_to_the_evidence(tmp_path: Path) -> None:
    folder, file = written(good(), tmp_path / "run"), customer(tmp_path / "c.docx", "{{ run }}")
    data = filled(folder, file)
    assert data == filled(folder, file)
    assert digest_of("c.docx", data) == Source(folder.read()).digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ contract }}", "'contract' is undefined"),
        ("{{ counts.passed }}", "no attribute 'passed'"),
        ("{% for x in items %}", "end of template"),
        ("{{ items.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_mistake_in_a_template_is_named(text: str, says: str, tmp_path: Path) -> None:
    file = customer(tmp_path / "c.docx", text)
    with pytest.raises(CustomerTemplateError, match=rf"(?s)c\.docx: .*{says}"):
        filled(written(good(), tmp_path / "run"), file)


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_what_is_no_docx_is_said(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "c.docx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CustomerTemplateError, match="not a readable DOCX file"):
        filled(written(good(), tmp_path / "run"), file)


def test_the_command_fills_a_template_too(tmp_path: Path) -> None:
    sample = good()
    sample.run = replace(sample.run, run="R1")
    folder, file = written(sample, tmp_path / "run").path, customer(tmp_path / "c.docx", "{{ run }}")
    assert main(["reports", "acceptance", str(folder), "--format", "html", "--template", str(file)]) == 0
    assert word_text((folder / "c.R1.docx").read_bytes()) == "R1"
    assert docx.Document(io.BytesIO(file.read_bytes())).paragraphs[0].text == "{{ run }}"


MISTAKES = [
    ("{% include 'x' %}", "no loader"),
    ("{% for i in range(10**9) %}{% endfor %}", "Range too big"),
    ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
    ("{{ cluster.nope() }}", "no attribute 'nope'"),
    ("{{ [1][9] }}", "no element 9"),
    ("{{ hosts + 1 }}", "TypeError: "),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_whatever_a_template_raises_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    file = customer(tmp_path / "c.docx", text)
    with pytest.raises(CustomerTemplateError, match=f"^{file}: [^\n]*{re.escape(says)}[^\n]*$"):
        filled(written(good(), tmp_path / "run"), file)


def with_part(file: Path, name: str, data: bytes) -> Path:
    """The document with one of its parts replaced, or one more."""
    with zipfile.ZipFile(file) as members:
        parts = {part: members.read(part) for part in members.namelist()} | {name: data}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        for part, content in parts.items():
            members.writestr(part, content)
    return file


BOMB = b"<!DOCTYPE x [<!ENTITY a '%s'>%s]><x>&j;</x>" % (
    b"a" * 99,
    b"".join(b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 99) for n in range(9)),
)


def test_an_xml_bomb_is_no_document(tmp_path: Path) -> None:
    file = with_part(customer(tmp_path / "c.docx", "{{ run }}"), "word/document.xml", BOMB)
    with pytest.raises(CustomerTemplateError, match=f"^{file}: not a readable DOCX file$"):
        filled(written(good(), tmp_path / "run"), file)


def test_a_document_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    file = with_part(customer(tmp_path / "c.docx", "{{ run }}"), "word/media/x.png", bytes(template.MOST))
    assert file.stat().st_size < 1 << 20
    with pytest.raises(CustomerTemplateError, match="bytes when unpacked, of 67,108,864 at most"):
        filled(written(good(), tmp_path / "run"), file)
    assert digest_of("c.docx", file.read_bytes()) == ""
