"""The document as one HTML file without scripts or external resources. Laid out for A4, it also becomes the PDF."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from dlws.record.printable import visible
from reports.acceptance.blocks import Cell, Document, cell
from reports.jinja import TEMPLATES, environment


def render(document: Document) -> bytes:
    """The document as an HTML page in UTF-8."""
    templates = environment()
    templates.filters["kind"] = _kind_of
    style = Markup((TEMPLATES / "acceptance.css").read_text(encoding="utf-8"))
    template = templates.get_template("acceptance.html.j2")
    made = template.render(document=document, style=style, td=_td, share=_share)
    return made.encode("utf-8") + b"\n"


def _kind_of(block: object) -> str:
    return type(block).__name__


def _td(value: str | Cell) -> Markup:
    shown = cell(value)
    return Markup('<td class="{}">{}</td>').format(shown.tone, visible(shown.text))


def _share(width: int, widths: Sequence[int]) -> float:
    return round(100 * width / sum(widths), 2)
