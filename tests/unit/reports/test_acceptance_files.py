from __future__ import annotations

import io
import re
import socket
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest
from docx.oxml.ns import qn

from dlws.cli import main
from dlws.verdict import Verdict
from reports.acceptance import digest_of, page, pdf, word
from reports.acceptance.blocks import Cell, Document, Part, Table, Text
from reports.acceptance.language import Language
from reports.acceptance.pdf import PdfError
from tests.kits import sample_run
from tests.kits.acceptance import faulty, good, made, with_verdict, word_text, written
from tests.kits.sample_run import HOSTILE

pango = pytest.mark.skipif(
    bool(pdf.missing()), reason=f"PDFs are made with Pango and a Chinese font: apt-get install {pdf.PACKAGES}"
)
Render = Callable[[Document], bytes]
renderers = pytest.mark.parametrize(
    ("name", "render"),
    [("a.docx", word.render), ("a.html", page.render), pytest.param("a.pdf", pdf.render, marks=pango)],
)
LETTER = Document(
    title="验收报告",
    subtitle="atlas",
    conclusion=Cell("通过", "good"),
    parts=[Part(1, "正文", [Text("验收"), Table(["a", "b"], [["1", Cell("2", "bad")]], [1, 2])])],
    digest="9f2c" * 16,
    started="2026-11-24T06:30:00+00:00",
    language="zh",
)


@renderers
def test_the_same_document_is_the_same_bytes_and_holds_its_digest(name: str, render: Render) -> None:
    data = render(LETTER)
    assert data == render(LETTER)
    assert digest_of(name, data) == LETTER.digest


@pytest.mark.parametrize("render", [word.render, page.render])
def test_the_same_run_makes_the_same_bytes(render: Render, tmp_path: Path) -> None:
    folder = written(good(), tmp_path)
    assert render(made(folder)) == render(made(folder))


@pytest.mark.parametrize("name", ["a.docx", "a.html", "a.pdf", "a.txt", "a"])
def test_another_file_holds_no_digest(name: str) -> None:
    assert digest_of(name, b"nothing of the kind") == ""


def test_hostile_text_stays_text_in_word(tmp_path: Path) -> None:
    said = word_text(word.render(made(written(faulty(), tmp_path))))
    assert "dpkg --audit: expected nothing, found ]]> \\x00 \\x1b[31mred\\x1b[0m" in said
    assert "\\x1b]0;title\\x07 <script>alert(1)</script>" in said
    assert "{{ 7*7 }}" in said
    assert "=cmd()|' /C calc'!A0 \\u202egnp.exe 磁盘已满" in said


def test_every_part_of_a_docx_is_xml(tmp_path: Path) -> None:
    sample = with_verdict(good(), Verdict.FAIL, HOSTILE + "\ufffe \u0085")
    with zipfile.ZipFile(io.BytesIO(word.render(made(written(sample, tmp_path))))) as members:
        parts = [name for name in members.namelist() if name.endswith((".xml", ".rels"))]
        assert [ElementTree.fromstring(members.read(name)).tag for name in parts]


def test_hostile_text_stays_text_in_html(tmp_path: Path) -> None:
    source = page.render(made(written(faulty(), tmp_path))).decode()
    assert "]]&gt; \\x00 \\x1b[31mred\\x1b[0m" in source
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", source)
    assert "<script" not in source


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    source = page.render(made(written(faulty(), tmp_path))).decode()
    assert "default-src 'none'" in source
    assert set(re.findall(r'(?:href|src)="([^"]*)"', source)) == {f"#part-{n}" for n in range(1, 15)}
    assert not re.search(r"url\(|@import|<script|\son\w+=", source)


@pytest.mark.parametrize("style", ["Normal", "Title", "Heading 1", "Heading 2", "List Bullet"])
def test_chinese_has_a_font_of_its_own_in_word(style: str) -> None:
    fonts = docx.Document(io.BytesIO(word.render(LETTER))).styles[style].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
    assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_a_table_s_head_is_on_every_page() -> None:
    (table,) = docx.Document(io.BytesIO(word.render(LETTER))).tables
    assert table.rows[0]._tr.find(f".//{qn('w:tblHeader')}") is not None


def test_word_keeps_the_rows_of_a_short_table_together() -> None:
    rows = [[str(number), "x"] for number in range(40)]
    short, long = (
        replace(LETTER, parts=[Part(1, "", [Table(["a", "b"], some, [1, 2])])]) for some in (rows[:12], rows)
    )
    for letter, kept in ((short, 12), (long, 1)):  # a head stays with what it is the head of
        (table,) = docx.Document(io.BytesIO(word.render(letter))).tables
        assert [row._tr.find(f".//{qn('w:keepNext')}") is not None for row in table.rows].count(True) == kept


def test_word_gives_the_signatures_pages_of_their_own(tmp_path: Path) -> None:
    paragraphs = docx.Document(io.BytesIO(word.render(made(written(good(), tmp_path))))).paragraphs
    breaks = [p.text for p in paragraphs if p.paragraph_format.page_break_before]
    assert breaks == ["13 Signatures", "14 Appendix"]


def test_word_reads_the_times_of_the_audit() -> None:
    core = docx.Document(io.BytesIO(word.render(LETTER))).core_properties
    assert core.created is not None
    assert core.created.isoformat().startswith("2026-11-24T06:30:00")


def unpacked(data: bytes) -> bytes:
    """The text of a PDF's compressed objects."""
    streams = re.findall(rb"/Type /ObjStm.*?stream\n(.*?)\nendstream", data, re.DOTALL)
    return b"".join(zlib.decompress(stream) for stream in streams)


@pango
def test_a_pdf_embeds_its_chinese_font() -> None:
    data = pdf.render(LETTER)
    assert data.startswith(b"%PDF-")
    assert b"/FontFile" in unpacked(data)


@pytest.mark.parametrize("listing", [None, "/bin/true"])
def test_a_pdf_without_a_chinese_font_is_one_clear_error(
    listing: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: listing)
    folder = written(good(), tmp_path).path
    assert main(["reports", "acceptance", str(folder), "--format", "pdf"]) == 4
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "fonts-noto-cjk" in told
    assert not list(folder.glob("acceptance*"))


def test_a_pdf_without_pango_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_pango(name: str) -> None:
        raise OSError(f"cannot load library 'libpango-1.0-0' for {name}")

    monkeypatch.setattr("importlib.import_module", without_pango)
    with pytest.raises(PdfError, match=r"needs Pango.*libpango"):
        pdf.render(LETTER)


def test_the_command_writes_documents_and_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(good(), tmp_path / "run").path
    into = tmp_path / "made"
    assert (
        main(["reports", "acceptance", str(folder), "--language", "zh", "--format", "html,docx", "--into", str(into)])
        == 0
    )
    names = ["acceptance.zh.docx", "acceptance.zh.html", "manifest.sha256"]
    assert sorted(file.name for file in into.iterdir()) == names
    assert all(name in capsys.readouterr().out for name in names[:1])


def test_the_command_refuses_what_is_no_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reports", "acceptance", str(sample_run.install().write(tmp_path).path)]) == 4
    assert "pytest -m verify" in capsys.readouterr().err


def test_an_unknown_format_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reports", "acceptance", "latest", "--format", "docx,odt"]) == 4
    assert "choose from docx, html, pdf" in capsys.readouterr().err


def test_a_pdf_opens_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "picture.svg"
    secret.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.png"
        images = f"<img src='{address}'><img src='{secret.as_uri()}'>"
        monkeypatch.setattr(page, "render", lambda document: f"<html lang='en'>{images}<p>text".encode())
        assert pdf.render(made(written(good(), tmp_path / "run"), Language.EN)).startswith(b"%PDF")
        with pytest.raises(TimeoutError):
            server.accept()
    assert all("is not fetched: the document is self-contained" in record.getMessage() for record in caplog.records)
    assert len(caplog.records) == 2
