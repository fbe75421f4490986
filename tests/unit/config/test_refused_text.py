"""Passwords that are refused, and text that YAML reads otherwise: never repeated, and said why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.config_example import findings, write


@pytest.mark.parametrize("password", ["hunter2'quoted", 'hunter2"quoted', "hunter2\\quoted", "hunter2\tquoted"])
def test_a_refused_password_is_not_repeated(tmp_path: Path, password: str) -> None:
    quoted = "'" + password.replace("'", "''") + "'"
    (finding,) = findings(write(tmp_path, ("invented-for-tests", quoted)))
    assert finding.key == "mysql_password"
    assert "hunter2" not in str(finding)


@pytest.mark.parametrize(
    "password", ["*hunter2", "&hunter2 x", "!hunter2 x", "!!python/hunter2 x", "{hunter2: 1}", "[hunter2]"]
)
def test_a_password_that_yaml_reads_otherwise_is_not_repeated(tmp_path: Path, password: str) -> None:
    found = findings(write(tmp_path, ("invented-for-tests", password)))
    assert {finding.key for finding in found} == {"mysql_password"}
    assert "hunter2" not in "".join(map(str, found))


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
    path = write(tmp_path, ("mysql_password: invented-for-tests", f"mysql_password{value}"))
    assert [found.message for found in findings(path)] == [f"not YAML: {cause}"]
