"""Web pages as Chromium 120 to 150 prints them with --dump-dom."""

from __future__ import annotations

import pytest

from dlws.parse.platform import page
from dlws.verdict import Unparsable

HEAD = "<!DOCTYPE html>\n<html lang='en'><head><title>DLWS</title><style>p {}</style></head>"


def test_what_a_person_reads_is_the_text_of_the_body():
    text = (
        f"{HEAD}<body><h1>atlas\n</h1><script>var x = '<p>x</p>';</script><p>4&nbsp;nodes &amp; more</p></body></html>"
    )
    assert page.shown(text) == "atlas 4 nodes & more"


def test_a_page_whose_scripts_did_not_run_shows_nothing():
    assert page.shown(f"{HEAD}<body><noscript>You need JavaScript</noscript><div id='root'></div></body></html>") == ""


def test_the_browsers_own_error_page_is_no_page_of_the_site():
    text = '<html dir="ltr"><body id="t" class="neterror"><h1>This site can’t be reached</h1></body></html>'
    assert page.shown(text) is None


@pytest.mark.parametrize("text", ["", "chromium: not found\n", "<html><body>cut off", "a\0<html></html>"])
def test_what_is_no_page_is_unknown(text):
    with pytest.raises(Unparsable):
        page.shown(text)
