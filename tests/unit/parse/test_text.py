"""What all parsers share: escapes of a terminal are no text, and an error quotes the line."""

from __future__ import annotations

import pytest

from dlws.parse import text


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
