"""The document as PDF, made from its HTML page by WeasyPrint. The same page yields the same bytes.

WeasyPrint uses the system's Pango and fonts, one of which must have Chinese characters. Both are checked.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
from typing import Any, NoReturn

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
    pages = weasyprint.HTML(string=page.render(document).decode(), url_fetcher=_fetcher_of_nothing())
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


def _fetcher_of_nothing() -> Any:
    """The fetcher of a document that is self-contained: every address, of a file too, is an error."""
    base: type[Any] = importlib.import_module("weasyprint.urls").URLFetcher

    class Nothing(base):  # type: ignore[misc]
        """Refuses what WeasyPrint's own fetcher would open."""

        def fetch(self, url: str, headers: object = None) -> NoReturn:
            """Raise ValueError, which WeasyPrint logs; the document is made without it."""
            raise ValueError(f"{url} is not fetched: the document is self-contained")

    return Nothing(allowed_protocols=(), allow_redirects=False)
