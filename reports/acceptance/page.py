"""The document as one HTML file: no script, nothing fetched; the same page, laid out for A4, becomes the PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.acceptance.blocks import Cell, Document, cell
from reports.text import visible

TEMPLATES = Path(__file__).parents[1] / "templates"


def render(document: Document) -> bytes:
    """The page of a document."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else visible(value),
    )
    environment.filters["kind"] = _kind_of
    style = Markup((TEMPLATES / "acceptance.css").read_text(encoding="utf-8"))
    template = environment.get_template("acceptance.html.j2")
    made = template.render(document=document, style=style, td=_td, share=_share)
    return made.encode("utf-8") + b"\n"


def _kind_of(block: object) -> str:
    return type(block).__name__


def _td(value: str | Cell) -> Markup:
    shown = cell(value)
    return Markup('<td class="{}">{}</td>').format(shown.tone, visible(shown.text))


def _share(width: int, widths: Sequence[int]) -> float:
    return round(100 * width / sum(widths), 2)
