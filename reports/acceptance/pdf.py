"""The document as PDF, made from its HTML page by WeasyPrint. The same page yields the same bytes.

WeasyPrint uses the system's Pango and fonts, one of which must have Chinese characters. Both are checked.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess

from reports.acceptance import page
from reports.acceptance.blocks import Document

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk"


class PdfError(Exception):
    """This machine cannot make a PDF; the message says what to install."""


def render(document: Document) -> bytes:
    """The document as PDF, with the manifest's digest as file identifier. Raises PdfError without Pango or a font."""
    if lacking := missing():
        raise PdfError(f"a PDF needs {lacking}: apt-get install {PACKAGES}")
    weasyprint = importlib.import_module("weasyprint")
    pages = weasyprint.HTML(string=page.render(document).decode(), url_fetcher=_fetch_nothing)
    made: bytes = pages.write_pdf(pdf_identifier=document.digest.encode())
    return made


def missing() -> str:
    """What this machine lacks to make a PDF; empty if nothing."""
    try:
        importlib.import_module("weasyprint")  # slow, as it loads Pango: imported only to make a PDF
    except OSError:
        return "Pango 1.44 or newer"
    return "" if _has_chinese_font() else "a font with Chinese characters"


def _has_chinese_font() -> bool:
    listing = shutil.which("fc-list")
    if listing is None:  # it comes with Pango's package
        return False
    fonts = subprocess.run([listing, ":lang=zh-cn", "family"], capture_output=True, check=False, timeout=60)
    return bool(fonts.stdout.strip())


def _fetch_nothing(url: str) -> None:
    raise ValueError(f"{url} is not fetched: the document is self-contained")
