"""The accounts of MySQL 5.7 and 8.0 and of MariaDB: who may sign in from where, with what, and as what."""

from __future__ import annotations

import pytest

from dlws.parse.platform import mysql_accounts
from dlws.verdict import Unparsable


def row(user: str = "root", host: str = "%", rest: str = "mysql_native_password set N NNNNNN") -> str:
    return f"account {user.encode().hex().upper()} {host.encode().hex().upper()} {rest}\n"


def only(text: str) -> mysql_accounts.Account:
    (account,) = mysql_accounts.parse(text)
    return account


def test_an_account_is_its_user_its_host_and_what_it_may() -> None:
    account = only(row("dlws", "10.0.%", '"caching_sha2_password" set Y YNYNNN'))
    assert str(account) == "'dlws'@'10.0.%'"
    assert account == mysql_accounts.Account(
        "dlws", "10.0.%", "caching_sha2_password", True, True, ("SUPER", "GRANT OPTION")
    )
    assert only(row("", "", "mysql_native_password empty N NYNNNN")).powers == ("CREATE USER",)


@pytest.mark.parametrize(
    ("host", "is_of_network"),
    [
        ("localhost", False),
        ("127.0.0.1", False),
        ("127.%", False),
        ("::1", False),
        ("%", True),
        ("10.0.0.1", True),
        ("localhost.example", True),
        ("::11", True),
        ("", True),
    ],
)
def test_an_account_of_the_server_itself_is_not_of_the_network(host: str, is_of_network: bool) -> None:
    assert only(row(host=host)).is_of_network is is_of_network


@pytest.mark.parametrize(
    "plugin", ["", "mysql_native_password", "mysql_old_password", "caching_sha2_password", "sha256_password"]
)
def test_an_account_without_a_password_is_open_or_locked(plugin: str) -> None:
    assert only(row(rest=f"{plugin} empty N NNNNNN")).is_open
    assert not only(row(rest=f"{plugin} set N NNNNNN")).is_open
    assert not only(row(rest=f"{plugin} empty Y NNNNNN")).is_open


@pytest.mark.parametrize("plugin", ["auth_socket", "unix_socket", "ed25519", "mysql_no_login"])
def test_another_proof_than_a_password_is_not_open(plugin: str) -> None:
    assert not only(row(rest=f"{plugin} empty N YYYYYN")).is_open


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ERROR 1045 (28000): Access denied for user 'root'@'localhost'\n",
        row() + "account 726F",
        "account 7 25 mysql_native_password set N NNNNNN\n",
        "account FF 25 mysql_native_password set N NNNNNN\n",
        row().replace("NNNNNN", "NNNNN"),
        row().replace("NNNNNN", "NNNNNNY"),
        row().replace("set", "none"),
    ],
)
def test_half_a_list_of_accounts_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        mysql_accounts.parse(text)
