"""No spelling of a secret passes the redactor, and ordinary text does."""

from __future__ import annotations

import base64
import html
import json
import shlex
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlws.record.redaction import Redactor

NASTY = """p@ss "w0rd" 'x' & $(id) \\ 密码"""


@pytest.mark.parametrize(
    "spelling",
    [
        NASTY,
        shlex.quote(NASTY),
        json.dumps(NASTY),
        json.dumps(NASTY, ensure_ascii=False),
        repr(NASTY),
        html.escape(NASTY),
        urllib.parse.quote(NASTY, safe=""),
        urllib.parse.quote_plus(NASTY),
        base64.b64encode(NASTY.encode()).decode(),
        base64.urlsafe_b64encode(NASTY.encode()).decode(),
    ],
)
def test_every_spelling_is_masked(spelling: str) -> None:
    redactor = Redactor([NASTY])
    assert "w0rd" not in redactor.text(f"before {spelling} after")
    assert spelling.strip("'\"") not in redactor.text(f"before {spelling} after")
    assert redactor.data(f"a {spelling} b".encode()) == redactor.text(f"a {spelling} b").encode()


@settings(max_examples=50)
@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8")), st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_base64_is_masked_at_any_alignment(secret: str, before: bytes, after: bytes) -> None:
    blob = base64.b64encode(before + secret.encode() + after).decode()
    assert Redactor([secret]).text(blob) != blob


@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8")), st.text(), st.text())
def test_a_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    if secret not in before + "***" + after:
        assert secret not in Redactor([secret]).text(f"{before}\n{secret}\n{after}").replace("***", "\0")


def test_the_longest_secret_wins() -> None:
    assert Redactor(["hunter2", "hunter2-extra"]).text("hunter2-extra hunter2") == "*** ***"


def test_short_and_empty_secrets_leave_ordinary_text_alone() -> None:
    redactor = Redactor(["", "  ", "ab"])
    assert redactor.text("about ab, cab") == "about ***, cab"
    assert Redactor([]).text("nothing to hide") == "nothing to hide"


def test_lines_of_a_private_key_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCCDDDDEEEE\nFFFFGGGGHHHHIIIIJJJJ\n-----END KEY-----\n"
    assert Redactor([key]).text("  FFFFGGGGHHHHIIIIJJJJ") == "  ***"
