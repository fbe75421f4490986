"""The platform's database: its name, and the grants of runbook 3.16.8."""

from __future__ import annotations

from dlws.platform import database


def test_the_database_is_named_after_the_cluster() -> None:
    assert database.name("6f9619ff") == "DLWSCluster-6f9619ff"


def test_root_is_let_in_with_the_password_from_the_first_statement_on() -> None:
    create, alter, grant, flush = database.grants("invented#2", "8.0.20").splitlines()
    user = "'root'@'%' IDENTIFIED WITH mysql_native_password BY 'invented#2';"
    assert (create, alter) == (f"CREATE USER IF NOT EXISTS {user}", f"ALTER USER {user}")
    assert grant == "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;"
    assert flush == "FLUSH PRIVILEGES;"


def test_a_password_cannot_end_its_statement() -> None:
    assert database.grants("a'; DROP TABLE x; --", "8.0.20").splitlines()[0].endswith(r"BY 'a\'; DROP TABLE x; --';")
    assert database.grants("a\\", "8.0.20").splitlines()[0].endswith(r"BY 'a\\';")


def test_mariadb_is_told_in_its_own_words() -> None:
    create = database.grants("it's", "10.11.6-MariaDB-0+deb12u1").splitlines()[0]
    assert create.endswith(r"IDENTIFIED VIA mysql_native_password USING PASSWORD('it\'s');")


def test_dynamic_privileges_are_asked_of_mysql_8_alone() -> None:
    """Seen with MySQL 9.7: ROLE_ADMIN, SET_USER_ID and the like stand in no column of mysql.user."""
    asked = database.ACCOUNTS.partition("IF(0 /*!80000 ")[2].partition("*/")[0]
    assert "mysql.global_grants" in asked
    assert all(f"'{name}'" in asked for name in database.LIKE_ROOT)
