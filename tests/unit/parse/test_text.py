"""What all parsers share: escapes of a terminal are no text, and an error quotes the line."""

from __future__ import annotations

import re

import pytest

from dlws.parse import text
from dlws.verdict import Unparsable

TOTAL = re.compile("total")


@pytest.mark.parametrize(
    "escape",
    [
        "\x1b[m",
        "\x1b[1;31m",
        "\x1b[?25 l",
        "\x1b]0;a title\x07",
        "\x1b]\x07",
        "\x1b]8;;https://example.com\x1b\\",
        "\x1bM",
        "\x1b\\",
    ],
)
def test_what_only_moves_a_terminal_is_removed(escape: str) -> None:
    assert text.lines("free", f"one{escape}\n{escape}two\n") == ["one", "two"]


def test_a_mark_of_byte_order_and_carriage_returns_are_removed() -> None:
    assert text.clean("free", "\ufeffone\r\ntwo\rthree") == "one\ntwo\nthree"


def test_an_error_quotes_the_beginning_of_a_long_line() -> None:
    assert str(text.unparsable("free", "a" * 130)) == f"free: not understood: '{'a' * 120}'"


def test_a_nul_is_refused_with_what_stands_before_it() -> None:
    with pytest.raises(Unparsable, match="free: NUL in the output after: 'two'"):
        text.clean("free", "one\ntwo\0")


def test_what_stands_above_the_first_line_is_a_banner() -> None:
    assert text.lines_from("free", "a total\n\ntotal 1\nused 2\n", TOTAL) == ["total 1", "used 2"]


@pytest.mark.parametrize(("output", "why"), [("\n", "free: no output"), ("a total\n", "not understood: 'a total'")])
def test_an_output_without_its_first_line_is_unknown(output: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        text.lines_from("free", output, TOTAL)


def test_an_only_line_may_have_blank_ones_around_it() -> None:
    assert text.only_line("id -un", "\n root \n") == "root"


@pytest.mark.parametrize("output", ["\n", "root\nroot\n"])
def test_no_line_or_two_are_no_only_line(output: str) -> None:
    with pytest.raises(Unparsable, match="lines where one was expected"):
        text.only_line("id -un", output)


def test_a_number_has_up_to_nineteen_digits() -> None:
    assert (text.number("nproc", "064"), text.number("nproc", "9" * 19)) == (64, 10**19 - 1)


@pytest.mark.parametrize("digits", ["", "-1", "x1", "1 ", "1.5", "٣", "1" * 20])
def test_what_is_no_number_is_unknown(digits: str) -> None:
    with pytest.raises(Unparsable, match="nproc: not a number"):
        text.number("nproc", digits)


def test_a_field_of_the_kernel_has_its_blanks_in_octal() -> None:
    assert text.unescaped(r"/mnt/my\040share\1344\8") == r"/mnt/my share\4\8"
    assert text.unescaped("/mnt/040") == "/mnt/040"
