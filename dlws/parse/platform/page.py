"""A web page as a browser has it once its scripts ran (`chromium --dump-dom`): what a person reads on it."""

from __future__ import annotations

from html.parser import HTMLParser

from dlws.parse.text import clean, unparsable

SOURCE = "the browser"
_UNSEEN = {"head", "script", "style", "template", "noscript"}
_ERROR_PAGE = 'class="neterror"'
"""Chromium shows a page of its own for a site that does not answer, and ends with 0."""


class _Text(HTMLParser):
    """Gathers the text that is shown."""

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
    """The words of a page, with single spaces; None if it is the browser's own page of a site that does not answer.

    Raises Unparsable for what is no HTML page.
    """
    page = clean(SOURCE, text)
    if "<html" not in page or "</html>" not in page:
        raise unparsable(SOURCE, page, "no page")
    if _ERROR_PAGE in page:
        return None
    reader = _Text()
    reader.feed(page)
    return " ".join(reader.words)
