"""The platform's database (runbook 3.16.8, docs/upstream.md#database): its name, and the grants for its user."""

from __future__ import annotations

from typing import Final

USER: Final = "root"
PLUGIN: Final = "mysql_native_password"
"""The authentication plugin that the platform's old client supports."""

LIKE_ROOT: Final = ("ROLE_ADMIN", "SET_USER_ID", "SET_ANY_DEFINER")
"""Dynamic privileges with which an account gives itself any role, or runs what it wrote as any other account
(MySQL 8.0 manual, Dynamic Privilege Descriptions; SET_ANY_DEFINER is the last one's name from 8.2 on)."""
_OF_ACCOUNT = "{0}.user = mysql.user.user AND {0}.host = mysql.user.host"
_DYNAMIC: Final = (
    f"SELECT COUNT(*) FROM mysql.global_grants AS g WHERE {_OF_ACCOUNT.format('g')} AND g.priv IN {LIKE_ROOT}"
)
_WRITES = (
    "'Y' IN (Insert_priv, Update_priv)"
    f" OR EXISTS (SELECT 1 FROM mysql.db AS d WHERE {_OF_ACCOUNT.format('d')}"
    " AND 'mysql' LIKE d.db AND 'Y' IN (d.Insert_priv, d.Update_priv))"
    f" OR EXISTS (SELECT 1 FROM mysql.tables_priv AS t WHERE {_OF_ACCOUNT.format('t')}"
    " AND t.db = 'mysql' AND (FIND_IN_SET('Insert', t.table_priv) OR FIND_IN_SET('Update', t.table_priv)))"
)
"""Whether an account writes the tables of accounts and privileges: with it, any other's at the next FLUSH or start."""
_RULES = "'Y' IN (r.Super_priv, r.Create_user_priv, r.Grant_priv, r.Insert_priv, r.Update_priv)"
_MYSQL_ROLE: Final = (
    "SELECT COUNT(*) FROM mysql.role_edges AS e JOIN mysql.user AS r ON r.user = e.from_user AND r.host = e.from_host"
    f" WHERE e.to_user = mysql.user.user AND e.to_host = mysql.user.host AND {_RULES}"
)
_MARIADB_ROLE: Final = (
    "SELECT COUNT(*) FROM mysql.roles_mapping AS m JOIN mysql.user AS r ON r.user = m.role AND r.is_role = 'Y'"
    f" WHERE {_OF_ACCOUNT.format('m')} AND {_RULES}"
)
ACCOUNTS: Final = (
    "SELECT CONCAT_WS(' ', 'account', HEX(user), HEX(host), CONCAT('\"', IFNULL(plugin, ''), '\"'),"
    " IF(CONCAT(IFNULL(authentication_string, '') /*M! , IFNULL(Password, '') */) = '', 'empty', 'set'),"
    " IF(0 /*!50706 + (account_locked = 'Y') */, 'Y', 'N'),"
    f" CONCAT(Super_priv, Create_user_priv, Grant_priv, IF(0 /*!80000 + ({_DYNAMIC}) */, 'Y', 'N'),"
    f" IF({_WRITES}, 'Y', 'N'), IF(0 /*!80000 + ({_MYSQL_ROLE}) */ /*M! + ({_MARIADB_ROLE}) */, 'Y', 'N')))"
    " FROM mysql.user WHERE 1 /*M! AND is_role = 'N' */;\n"
)
"""SQL that lists the accounts without their passwords, a line each (`dlws.parse.platform.mysql_accounts`).

MySQL from 5.7.6 on runs what stands in `/*!50706`, from 8.0 on `/*!80000`, which MariaDB passes over; MariaDB alone
what stands in `/*M!` (their manuals, Comment Syntax).
"""


def name(cluster_id: str) -> str:
    """The name of the platform's database. It contains the cluster's id, so with another id the platform is empty."""
    return f"DLWSCluster-{cluster_id}"


def grants(password: str, version: str) -> str:
    """SQL that allows root to log in from other hosts, for the standard input of a client. Idempotent.

    `version` is the server's, `8.0.20` or `10.11.6-MariaDB`, because their syntax differs. The runbook first creates
    the user without a password while the port is open; these statements do not.
    """
    secret = _quoted(password)
    how = f"VIA {PLUGIN} USING PASSWORD({secret})" if "mariadb" in version.lower() else f"WITH {PLUGIN} BY {secret}"
    identified = f"'{USER}'@'%' IDENTIFIED {how}"
    statements = (
        f"CREATE USER IF NOT EXISTS {identified}",
        f"ALTER USER {identified}",
        f"GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION",
        "FLUSH PRIVILEGES",
    )
    return "".join(f"{statement};\n" for statement in statements)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
