"""The visible text of a web page after its scripts have run (`chromium --dump-dom`)."""

from __future__ import annotations

from html.parser import HTMLParser

from dlws.parse.text import clean, unparsable

SOURCE = "the browser"
_UNSEEN = {"head", "script", "style", "template", "noscript"}
_ERROR_PAGE = 'class="neterror"'
"""For a site that does not answer, Chromium shows an error page and exits with 0."""


class _Text(HTMLParser):
    """Collects the visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.words += data.split()


def shown(text: str) -> str | None:
    """The words on a page, separated by single spaces; None for the browser's own error page.

    Raises Unparsable if it is not an HTML page.
    """
    page = clean(SOURCE, text)
    if "<html" not in page or "</html>" not in page:
        raise unparsable(SOURCE, page, "not a page")
    if _ERROR_PAGE in page:
        return None
    reader = _Text()
    reader.feed(page)
    return " ".join(reader.words)
