"""Passwords that are tried first, and files that are no YAML: one finding that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.config_example import findings, write

OWN = "mysql_password: invented-for-tests"


@pytest.mark.parametrize(
    "value",
    [
        '"<<sql_password>>"',
        '"********"',
        '"{{password}}"',
        '"[your password]"',
        "dlwsadmin",
        "example",
        '"123456789"',
        "Admin@123",
        "atlas",
    ],
)
def test_a_first_guess_or_a_placeholder_is_refused(tmp_path: Path, value: str) -> None:
    [found] = findings(write(tmp_path, (OWN, f"mysql_password: {value}")))
    assert (found.line, found.message) == (37, "a placeholder or a password that is guessed at once")


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (": ********", "this value begins with a character of YAML's own"),
        (": @word", "this value begins with a character of YAML's own"),
        (": abc: def", "this value has a colon and a blank in it"),
        ("：x", "a full-width colon"),
    ],
)
def test_what_is_no_yaml_is_one_finding_that_says_why(tmp_path: Path, value: str, cause: str) -> None:
    path = write(tmp_path, (OWN, f"mysql_password{value}"))
    assert [found.message for found in findings(path)] == [f"not YAML: {cause}"]
