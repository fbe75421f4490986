"""What programs in Go take for on and for off."""

from __future__ import annotations

from dlws.parse import switches


def test_on_and_off_are_the_words_of_parse_bool() -> None:
    """strconv/atob.go."""
    assert switches.ON == ("true", "True", "TRUE", "t", "T", "1")
    assert switches.OFF == ("false", "False", "FALSE", "f", "F", "0")
