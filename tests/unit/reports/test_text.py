from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlws.record import printable
from dlws.record.printable import clip, one_line, plain, visible
from reports.text import count, duration, start

any_text = st.text(st.characters(codec=None))


@given(any_text)
@example("\ud800 lone \udfff")
@example("\ufffe\uffff\x00\x85\x9b")
def test_visible_text_is_legal_in_xml_and_in_utf8(text: str) -> None:
    element = ElementTree.Element("x", {"a": visible(text)})
    element.text = visible(text)
    again = ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))
    assert (again.text or "") == visible(text)


@given(any_text)
def test_nothing_visible_steers_a_terminal_or_turns_text(text: str) -> None:
    for shown in (visible(text), plain(text), one_line(text)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bplain", "plain"),
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("\x1b[999", "999"),
        ("\x1b", "\\x1b"),
    ],
)
def test_escape_sequences_are_taken_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_what_unicode_calls_printable_needs_no_closer_look(monkeypatch: pytest.MonkeyPatch) -> None:
    printable_ones = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isprintable()]
    assert not printable._HIDDEN.search("".join(printable_ones))
    assert [character for character in printable_ones if character.isspace()] == [" "]
    monkeypatch.setattr(printable, "_HIDDEN", None)  # whoever looks more closely, breaks
    monkeypatch.setattr(printable, "_ANSI", None)
    assert one_line(" swap  on /dev/sda2, 磁盘 ") == "swap on /dev/sda2, 磁盘"


@given(st.text(), st.integers(2, 50))
def test_a_clipped_text_says_how_much_is_left_out(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert clipped == text if len(text) <= limit else f"{len(text) - limit // 2 * 2:,} characters left out" in clipped


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7600, "2 h 06 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_counts_in_words() -> None:
    assert [count(1, "host"), count(0, "host"), count(1204, "check")] == ["1 host", "0 hosts", "1,204 checks"]


def test_a_text_that_goes_on_says_so() -> None:
    assert [start("word", most) for most in (5, 4, 3)] == ["word", "word", "wor…"]
