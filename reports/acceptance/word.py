"""The document as DOCX, to be edited, printed and stamped. The same run yields the same bytes.

Word chooses fonts by script. Each style therefore names one for Latin and one for East Asian text (`w:eastAsia`);
otherwise Chinese would be shown in whatever font the reader's machine falls back to.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import docx
from docx.document import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from dlws.record.printable import visible
from reports.acceptance.blocks import (
    Block,
    Bullets,
    Cell,
    Document,
    Heading,
    Pairs,
    Part,
    Signatures,
    Table,
    Text,
    Tone,
    Verbatim,
    cell,
)

LATIN, EAST_ASIAN, MONOSPACED = "Arial", "Microsoft YaHei", "Consolas"  # all sans-serif, for one look in both scripts
WIDTH = 178  # mm between the margins of A4
_COLOURS: dict[Tone, str] = {"": "1B1F27", "good": "14693A", "caution": "8A5200", "bad": "B01818", "quiet": "7A828E"}
_MANY_COLUMNS = 8
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP file can hold


def render(document: Document) -> bytes:
    """The document as DOCX, with the manifest's digest as its identifier (docProps/core.xml)."""
    word = docx.Document()
    _styles(word)
    _page(word, document)
    _cover(word, document)
    for before, part in zip((None, *document.parts), document.parts, strict=False):
        heading = _part(word, part)
        heading.paragraph_format.page_break_before = _is_alone(part) or _is_alone(before) or None
    about(word, document)
    return repeatable(word)


def about(word: Word, document: Document) -> None:
    """Set the file's properties; its times are those of the audit, not the current time."""
    core = word.core_properties
    core.title = visible(f"{document.title}: {document.subtitle}").replace("\n", " ")
    core.identifier = f"sha256:{document.digest}"
    core.author, core.last_modified_by, core.comments, core.revision = "DLWS suite", "", "", 1
    core.language = "en-US" if document.language == "en" else "zh-CN"
    try:
        core.created = core.modified = datetime.fromisoformat(document.started).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        core.created = core.modified = datetime(*_EPOCH[:3])


def repeatable(word: Word) -> bytes:
    """The file's bytes, without the modification times that a ZIP file stores for its members."""
    written, again = io.BytesIO(), io.BytesIO()
    word.save(written)
    with zipfile.ZipFile(written) as members, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as out:
        for name in members.namelist():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(member, members.read(name))
    return again.getvalue()


def _styles(word: Word) -> None:
    for language in word.styles.element.iter(qn("w:lang")):  # otherwise some programs use Japanese glyphs
        language.set(qn("w:eastAsia"), "zh-CN")
    sizes = {"Normal": 9.5, "Title": 24, "Heading 1": 14, "Heading 2": 11, "List Bullet": 9.5}
    for name, size in sizes.items():
        style = word.styles[name]
        style.font.name, style.font.size = LATIN, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)  # a theme's font would win over the named one
        fonts.set(qn("w:eastAsia"), EAST_ASIAN)
        style.paragraph_format.space_after = Pt(4)
        if name != "Normal":
            style.font.color.rgb = RGBColor.from_string("1D4F91" if name == "Heading 1" else _COLOURS[""])
    for name in ("Heading 1", "Heading 2"):
        word.styles[name].paragraph_format.space_before = Pt(14 if name == "Heading 1" else 8)
        word.styles[name].paragraph_format.keep_with_next = True


def _page(word: Word, document: Document) -> None:
    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm((210 - WIDTH) / 2)
    section.top_margin = section.bottom_margin = Mm(18)
    section.different_first_page_header_footer = True
    foot = section.footer.paragraphs[0]
    foot.paragraph_format.tab_stops.clear_all()
    foot.paragraph_format.tab_stops.add_tab_stop(Mm(WIDTH), alignment=WD_TAB_ALIGNMENT.RIGHT)
    _run(foot, f"SHA-256 {document.digest}\t", size=7, tone="quiet")
    for field in ("PAGE", "NUMPAGES"):
        if field == "NUMPAGES":
            _run(foot, " / ", size=8, tone="quiet")
        number = f'<w:r><w:rPr><w:color w:val="{_COLOURS["quiet"]}"/><w:sz w:val="16"/></w:rPr><w:t>1</w:t></w:r>'
        foot._p.append(parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{field}">{number}</w:fldSimple>'))


def _cover(word: Word, document: Document) -> None:
    title = _paragraph(word, document.title, style="Title")
    title.paragraph_format.space_before = Pt(90)
    _border(title)
    _paragraph(word, document.subtitle, size=17)
    verdict = _paragraph(word, document.conclusion.text, size=17, tone=document.conclusion.tone, bold=True)
    verdict.paragraph_format.space_before = verdict.paragraph_format.space_after = Pt(18)
    _paragraph(word, f"SHA-256 {document.digest}", size=8, tone="quiet").paragraph_format.space_after = Pt(36)
    for part in document.parts:
        line = _paragraph(word, f"{part.number}  {part.title}", size=10.5)
        line.alignment = WD_ALIGN_PARAGRAPH.LEFT
        line.paragraph_format.left_indent = Mm(35)
    word.add_page_break()  # type: ignore[no-untyped-call]


def _paragraph(
    word: Word, text: str, *, style: str = "Normal", size: float | None = None, tone: Tone = "", bold: bool = False
) -> Paragraph:
    """A centred paragraph on the cover."""
    made = word.add_paragraph(style=style)
    made.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(made, text, size=size, tone=tone, bold=bold)
    return made


def _part(word: Word, part: Part) -> Paragraph:
    heading: Paragraph = word.add_heading(visible(f"{part.number} {part.title}"), level=1)
    for block, after in zip(part.blocks, (*part.blocks[1:], None), strict=True):
        _block(word, block)
        if isinstance(block, Text) and isinstance(after, Table | Verbatim):
            word.paragraphs[-1].paragraph_format.keep_with_next = True
    return heading


def _is_alone(part: Part | None) -> bool:
    """Whether a part has pages of its own, as the one to be signed does."""
    return part is not None and any(isinstance(block, Signatures) for block in part.blocks)


def _block(word: Word, block: Block) -> None:
    match block:
        case Text(text):
            _run(word.add_paragraph(), text)
        case Heading(text):
            word.add_heading(visible(text), level=2)
        case Verbatim(text):
            made = word.add_paragraph()
            _run(made, text.rstrip("\n"), size=7, font=MONOSPACED)
        case Bullets(sentences):
            for sentence in sentences:
                _run(word.add_paragraph(style="List Bullet"), sentence)
        case Table(head, rows, widths):
            made_table = _table(word, head, rows, widths)
            if block.is_short or len(head) > _MANY_COLUMNS:
                _keep_together(made_table)
        case Pairs(pairs):
            _keep_together(_table(word, (), pairs, (1, 2)))
        case Signatures(parties, fields):
            for party in parties:
                _table(word, (party,), [(name, "") for name in fields], (1, 2), height=10)


def _run(
    paragraph: Paragraph, text: str, *, size: float | None = None, tone: Tone = "", bold: bool = False, font: str = ""
) -> None:
    """Add text; characters that XML forbids become visible, a line feed becomes a line break."""
    run = paragraph.add_run(visible(text))
    run.bold = bold or None
    if size:
        run.font.size = Pt(size)
    if tone:
        run.font.color.rgb = RGBColor.from_string(_COLOURS[tone])
    if font:
        run.font.name = font


def _border(paragraph: Paragraph) -> None:
    """Remove the line that the style Title draws."""
    for border in paragraph.style.element.findall(f".//{qn('w:pBdr')}"):  # type: ignore[union-attr]
        border.getparent().remove(border)


def _table(
    word: Word,
    head: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    widths: Sequence[int],
    height: int = 0,
) -> Any:
    """Add a table, generated as XML because python-docx takes minutes for the thousand rows of a large cluster.

    `height` is the minimum height of a row in mm.
    """
    grid = [round(WIDTH * 56.7 * width / sum(widths)) for width in widths]  # twentieths of a point
    lines = [_row([Cell(text) for text in head], grid, "head")] if head else []
    kind = "pair" if tuple(widths) == (1, 2) else "row"
    lines += [_row([cell(value) for value in row], grid, kind, height) for row in rows]
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in grid)
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:color="B6BEC9"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    table = parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(grid)}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/>'
        f"</w:tblCellMar></w:tblPr><w:tblGrid>{columns}</w:tblGrid>{''.join(lines)}</w:tbl>"
    )
    after = word.add_paragraph()  # otherwise Word would join adjacent tables
    after.paragraph_format.space_after, after.paragraph_format.line_spacing = Pt(0), Pt(6)
    after._p.addprevious(table)
    return table


def _keep_together(table: Any) -> None:
    """Keep a table that fits on one page together: each row stays with the next."""
    for row in table.findall(qn("w:tr"))[:-1]:
        for properties in row.iter(qn("w:pPr")):
            if properties.find(qn("w:keepNext")) is None:
                properties.insert(0, OxmlElement("w:keepNext"))


def _row(cells: Sequence[Cell], grid: Sequence[int], kind: str, height: int = 0) -> str:
    """A row. A head of one cell, as in a signature box, spans the full width."""
    stretched = len(cells) < len(grid)
    properties = "<w:cantSplit/>" + (f'<w:trHeight w:val="{height * 57}"/>' if height else "")
    properties += "<w:tblHeader/>" if kind == "head" and not stretched else ""
    shades = {"head": ["E4EBF5"] * len(cells), "pair": ["F4F6F9", ""]}
    shading = shades.get(kind, [""] * len(cells))
    bold, size = kind == "head", 13 if len(cells) > _MANY_COLUMNS else 16
    made = [
        _cell(value, sum(grid) if stretched else width, len(grid) if stretched else 1, shade, bold, size)
        for value, width, shade in zip(cells, grid, shading, strict=False)
    ]
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(made)}</w:tr>"


def _cell(value: Cell, width: int, span: int, shade: str, bold: bool, size: int) -> str:
    properties = f'<w:tcW w:w="{width}" w:type="dxa"/>' + (f'<w:gridSpan w:val="{span}"/>' if span > 1 else "")
    properties += f'<w:shd w:val="clear" w:color="auto" w:fill="{shade}"/>' if shade else ""
    looks = "<w:b/>" if bold or value.tone == "bad" else ""
    looks += f'<w:color w:val="{_COLOURS[value.tone]}"/><w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'
    lines = [f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in visible(value.text).split("\n")]
    keep = "<w:keepNext/>" if bold else ""
    return (
        f'<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:pPr>{keep}<w:spacing w:before="20" w:after="20"/></w:pPr>'
        f"<w:r><w:rPr>{looks}</w:rPr>{'<w:br/>'.join(lines)}</w:r></w:p></w:tc>"
    )
