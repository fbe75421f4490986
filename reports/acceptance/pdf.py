"""The document as PDF, from its HTML page, by WeasyPrint. The same page makes the same bytes.

WeasyPrint draws with the system's Pango and the system's fonts, of which one must have Chinese: both are checked.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess

from reports.acceptance import page
from reports.acceptance.blocks import Document

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk"


class PdfError(Exception):
    """No PDF can be made on this machine; the message says what to install."""


def render(document: Document) -> bytes:
    """The PDF of a document; its file identifier is the digest of the manifest. PdfError without Pango or a font."""
    if lacking := missing():
        raise PdfError(f"no PDF can be made without {lacking}: apt-get install {PACKAGES}")
    weasyprint = importlib.import_module("weasyprint")
    pages = weasyprint.HTML(string=page.render(document).decode(), url_fetcher=_fetch_nothing)
    made: bytes = pages.write_pdf(pdf_identifier=document.digest.encode())
    return made


def missing() -> str:
    """What this machine lacks to make a PDF, "" when it lacks nothing."""
    try:
        importlib.import_module("weasyprint")  # loads Pango, slowly: only who makes a PDF pays for it
    except OSError:
        return "Pango 1.44 or newer"
    return "" if _has_chinese_font() else "a font with Chinese characters"


def _has_chinese_font() -> bool:
    listing = shutil.which("fc-list")
    if listing is None:  # it comes with Pango's own package
        return False
    found = subprocess.run([listing, ":lang=zh-cn", "family"], capture_output=True, check=False, timeout=60)
    return bool(found.stdout.strip())


def _fetch_nothing(url: str) -> None:
    raise ValueError(f"{url} is not fetched: the document holds all it needs")
