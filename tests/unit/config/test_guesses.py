"""Passwords that are tried first, and files that are no YAML: one finding that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.guesses import is_guessed, is_placeholder
from tests.kits.config_example import findings, write

OWN = "mysql_password: invented-for-tests"


GUESSED = """
    <<sql_password>> ******** {{password}} [your-password] dlwsadmin example 123456789 Admin@123 atlas
    $PASSWORD %PASSWORD% __PASSWORD__ @PASSWORD@ #{pw} [[pw]] ((pw)) replace_me insert-password-here
    your_password yourpassword 请填写 密码 dummy sample none --password-- xxx-xxx ChangeMe123! PleaseChangeMe Passw0rd!
    P@ssw0rd123 Huawei12#$ Admin@9000 1qaz2wsx 1qaz@WSX abcd1234 mysqlpassword rootroot 654321 dlws@2020 ...
    Harbor12345 Mind@123 Huawei@CLOUD8! Ascend910 grafana prometheus nvidia Docker@2020 k8s toor administrator guest
    Gt5#k ab1 Aa123456! 1q2w3e4r qazwsx 123qwe qwe123 qwertyuiop asdfghjkl 1a2b3c4d p4ssw0rd hello123
    Summer2021 Winter@2024
"""


@pytest.mark.parametrize("value", GUESSED.split())
def test_a_first_guess_or_a_placeholder_is_known(value: str) -> None:
    assert is_guessed(value, {"atlas"}) or is_placeholder(value)


@pytest.mark.parametrize("value", ["********  ", "\t<password>", " Admin@123 "])
def test_blanks_around_it_make_no_other_password(value: str) -> None:
    assert is_guessed(value, set()) or is_placeholder(value)


def test_a_password_that_is_guessed_is_refused_without_being_shown(tmp_path: Path) -> None:
    [found] = findings(write(tmp_path, (OWN, "mysql_password: Passw0rd!")))
    assert (found.line, found.message) == (37, "a placeholder or a password that is guessed at once")


@pytest.mark.parametrize(
    "value", ["Gt5#kk2pQ", "atlas-9b1f-4ac7", "correct horse", "kT7-unheard-of", "password83629174"]
)
def test_a_password_of_ones_own_is_taken(value: str) -> None:
    assert not is_guessed(value, {"atlas01"})
    assert not is_placeholder(value)


@pytest.mark.parametrize("mail", ["XXX@XXX.com", "xx@xx.com", "abc@xxx.com", "your_mail@site.cn", "name@domain.com"])
def test_an_address_of_nobody_is_a_placeholder(mail: str) -> None:
    assert is_placeholder(mail)
    assert not is_placeholder("li.wei@lab.example")


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
